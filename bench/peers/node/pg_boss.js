// pg-boss: `prepare` makes its tables and adds the jobs, `work` runs workers until they are ended.

import { PgBoss } from 'pg-boss'
import {
  allBatches, concurrency, connectionString, endWithTheBench, fetch, signBatch,
} from './work.js'

const QUEUE = 'sign'

async function start() {
  const boss = new PgBoss({ connectionString, max: concurrency * 2 + 2, schedule: false })
  boss.on('error', (error) => console.error(error.message))
  return boss.start()
}

async function prepare() {
  const boss = await start()
  await boss.createQueue(QUEUE)
  await boss.insert(QUEUE, allBatches.map((batch) => ({ data: { batch } })))
  await boss.stop()
}

// A transactional worker completes its jobs in the transaction that stores their signatures. It asks for more
// at once only after a full fetch of two jobs or more; else it waits for half a second, which is the least.
async function work() {
  endWithTheBench()
  const boss = await start()
  const options = {
    batchSize: fetch,
    burstWhenBatchFull: true,
    localConcurrency: concurrency,
    pollingIntervalSeconds: 0.5,
    transactional: true,
  }
  await boss.work(QUEUE, options, async (jobs, tx) => {
    const query = async (_, text, values) => (await tx.executeSql(text, values)).rows
    for (const { data: { batch } } of jobs) await signBatch(query, batch)
  })
}

await { prepare, work }[process.argv[2]]()
