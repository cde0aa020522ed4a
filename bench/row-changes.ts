import type postgres from 'postgres'

export interface RowChanges {
  /** Resolves when the status of this payment has changed and the change is committed. */
  statusOf(paymentId: string): Promise<void>
  end(): Promise<void>
}

/** Watches the `payments` of a database by a trigger, because asking again and again would keep it busy. */
export async function watchPayments(sql: postgres.Sql): Promise<RowChanges> {
  const awaited = new Map<string, () => void>()
  await sql.unsafe(`
    create function tell_bench() returns trigger language plpgsql as
      $$ begin perform pg_notify('bench_payments', new.payment_id); return null; end $$;
    create trigger tell_bench after update of status on payments for each row
      when (old.status is distinct from new.status) execute function tell_bench()`)
  const subscription = await sql.listen('bench_payments', (paymentId) => {
    awaited.get(paymentId)?.()
    awaited.delete(paymentId)
  })
  return {
    statusOf: (paymentId) => new Promise((resolve) => void awaited.set(paymentId, resolve)),
    async end() {
      await subscription.unlisten()
      await sql.unsafe('drop trigger tell_bench on payments; drop function tell_bench()')
    },
  }
}
