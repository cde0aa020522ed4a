import { and, eq } from 'drizzle-orm'
import type { CommandRefusal } from '../domain/commands.ts'
import type { Transaction } from './client.ts'
import { subscriptionCommands } from './schema/index.ts'

export type CommandRow = typeof subscriptionCommands.$inferSelect
export type CommandKey = Pick<CommandRow, 'projectId' | 'subscriptionId' | 'commandId'>

/** Writes that a command is being done, or finds what became of it when it was asked before. */
export async function claimCommand(
  transaction: Transaction,
  command: typeof subscriptionCommands.$inferInsert,
): Promise<{ row: CommandRow; isNew: boolean }> {
  const [claimed] = await transaction
    .insert(subscriptionCommands)
    .values(command)
    .onConflictDoNothing()
    .returning()
  if (claimed) return { row: claimed, isNew: true }
  const earlier = await findCommand(transaction, command)
  if (!earlier) throw new Error(`command ${command.commandId} vanished`)
  return { row: earlier, isNew: false }
}

export async function findCommand(
  transaction: Transaction,
  command: CommandKey,
): Promise<CommandRow | undefined> {
  const [row] = await transaction.select().from(subscriptionCommands).where(isCommand(command))
  return row
}

export async function finishCommand(
  transaction: Transaction,
  command: CommandKey,
  { refusal, at }: { refusal?: CommandRefusal | undefined; at: Date },
): Promise<void> {
  await transaction
    .update(subscriptionCommands)
    .set({ finishedAt: at, refusal: refusal ?? null })
    .where(isCommand(command))
}

const isCommand = (command: CommandKey) =>
  and(
    eq(subscriptionCommands.projectId, command.projectId),
    eq(subscriptionCommands.subscriptionId, command.subscriptionId),
    eq(subscriptionCommands.commandId, command.commandId),
  )
