// What both queues for Node.js do with a job: sign one batch with one key in one transaction.

import { createPrivateKey, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'

const {
  algorithm, batch: batchSize, batches, concurrency, fetch, pool,
} = JSON.parse(process.env.PEER)

export { batches, concurrency, fetch }
export const connectionString = process.env.DATABASE_URL

const digest = { RS256: 'sha256', EdDSA: null }[algorithm]
const signInPool = promisify(sign)
const opened = new Map()

const statement = (name) =>
  readFileSync(new URL(`../sql/${name}.sql`, import.meta.url), 'utf8')
const text = Object.fromEntries(
  ['key_take', 'key_material', 'records_fetch', 'batch_store'].map((name) => [name, statement(name)]),
)

async function openKey(query, id) {
  let key = opened.get(id)
  if (!key) {
    const [{ pkcs8 }] = await query('key_material', text.key_material, [id])
    key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
    opened.set(id, key)
  }
  return key
}

// Within the caller's transaction. `query(name, text, values)` resolves to rows.
export async function signBatch(query, batch) {
  const [taken] = await query('key_take', text.key_take, [])
  if (!taken) throw new Error('every key is in use: the queue tries the job again')
  const key = await openKey(query, taken.id)
  const first = (batch - 1) * batchSize + 1
  const records = await query('records_fetch', text.records_fetch, [first, first + batchSize - 1])
  const signatures = pool
    ? await Promise.all(records.map(({ payload }) => signInPool(digest, payload, key)))
    : records.map(({ payload }) => sign(digest, payload, key))
  await query('batch_store', text.batch_store, [first, batch, taken.id, signatures])
}

// The bench holds the other end of standard input. When it is gone, however it ended, so are we.
export function endWithTheBench() {
  process.stdin.resume()
  for (const event of ['end', 'error', 'close']) process.stdin.on(event, () => process.exit(0))
}

export const allBatches = Array.from({ length: batches }, (_, index) => index + 1)
