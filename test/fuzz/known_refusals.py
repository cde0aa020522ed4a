"""Refusals of what the OpenAPI document allows: rules that JSON Schema has no words for, each with its reason."""

import re

import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData

# Codes of problems that depend on more than the request.
CODES = {
    "webhook_signature_invalid": "nobody but Stripe can sign",
    "idempotency_key_reused": "another request was sent with the same key",
    "usage_id_reused": "another consumption has this id",
    "grant_id_reused": "another grant has this id",
    "adjustment_id_reused": "another adjustment has this id",
    "project_required": "an operator names the project, and a project need not",
    "card_declined": "the bank decides",
    "authentication_required": "the bank decides",
    "provider_refused": "Stripe knows objects that we do not",
}

# Rules between fields, or between a field and the time or what is stored. All that a refusal names must be among them.
RULES = [
    (r"^cursor must be the next_cursor of an earlier page", "cursors are ours, and tell nobody what is in them"),
    (r" (does not go|goes) together with ", "which fields exclude each other differs with their values"),
    (r" must be after .*, which is now\.$", "time goes by"),
    (r" must be an RFC 3339 time in the future", "time goes by"),
    (r" must be an RFC 3339 time .* at most 20 years from now\.$", "time goes by"),
    (r" must be later than .*, which is what the clock shows\.$", "the clock has been moved"),
    (r" must be a multiple of ", "the step depends on the currency"),
    (r" must be different from every other id in ", "ids are unique in their list, not whole items"),
    (r"retries must (rise|all fall)|grace must be at most|notice_before must not be longer", "durations are compared"),
    (r"^payment_type is .*, but what is bought makes it", "the catalog says what is bought"),
    (r"^quantity must be at most \d+ (at this price|of this pack)", "the price is multiplied"),
    (r"^test_clock_id must ", "a user stays on the clock of the first payment"),
    (r"_url must be an absolute https: URL", "what is a URL is told by a parser, not by a pattern"),
    (r"^user_id must not look like a subscription's id", "patterns cannot say what a text is not, everywhere"),
]


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Whether it is a failure."""
    if not isinstance(failure, RejectedPositiveData):
        return True
    problem = response.json()
    if problem["code"] in CODES:
        return False
    errors = problem.get("errors") or []
    return not (errors and all(any(re.search(rule, error["message"]) for rule, _ in RULES) for error in errors))
