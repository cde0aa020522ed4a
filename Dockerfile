# syntax=docker/dockerfile:1

# The dependencies that run in production; what builds and tests stays outside.
FROM node:22-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM dependencies AS product
COPY config.ts log.ts tsconfig.json ./
COPY domain domain
COPY workflows workflows
COPY activities activities
COPY providers providers
COPY db db
COPY inbox inbox
COPY api api
COPY worker worker
COPY setup setup
COPY scripts/bundle-workflows.ts scripts/
# Built once here, so that a worker starts without building and all of a release run the same.
RUN node --import tsx scripts/bundle-workflows.ts workflow-bundle.js
ENV NODE_ENV=production \
    QUITTANCE_WORKFLOW_BUNDLE=/app/workflow-bundle.js
# Where set-up may leave a webhook secret for the others; a volume that is mounted here takes over the owner.
RUN install -d -o node -g node /run/quittance
USER node
EXPOSE 3000
# The worker is the same image with `worker/main.ts`, set-up with `setup/main.ts`.
CMD ["node", "--import", "tsx", "api/main.ts"]

# Stripe's stand-in for laptops; not part of what is deployed.
FROM dependencies AS local-stripe
COPY tsconfig.json ./
COPY local/stripe local/stripe
RUN install -d -o node -g node /state
USER node
EXPOSE 12111
CMD ["node", "--import", "tsx", "local/stripe/main.ts", "--host", "0.0.0.0", "--state", "/state/stripe.json"]

# What is built when no target is named.
FROM product
