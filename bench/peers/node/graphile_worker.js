// graphile-worker: `prepare` makes its tables and adds the jobs, `work` runs a worker until it is ended.

import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import {
  allBatches, concurrency, connectionString, endWithTheBench, fetch, signBatch,
} from './work.js'

const ALREADY_STORED = '23505'

const logger = new Logger(() => (level, message) => {
  if (level === 'error') console.error(message)
})

async function prepare() {
  const utils = await makeWorkerUtils({ connectionString, logger })
  await utils.migrate()
  await utils.addJobs(allBatches.map((batch) => ({ identifier: 'sign', payload: { batch } })))
  await utils.release()
}

// The job is completed by a statement of its own, after this commit. Should the worker die in between, the
// job comes again and meets the primary key.
async function sign({ batch }, { withPgClient }) {
  await withPgClient(async (client) => {
    const query = async (name, text, values) => (await client.query({ name, text, values })).rows
    await client.query('BEGIN')
    try {
      await signBatch(query, batch)
      await client.query('COMMIT')
    } catch (error) {
      await client.query('ROLLBACK')
      if (error.code !== ALREADY_STORED) throw error
    }
  })
}

async function work() {
  endWithTheBench()
  await run({
    preset: {
      worker: {
        connectionString,
        logger,
        concurrentJobs: concurrency,
        maxPoolSize: concurrency + 2,
        pollInterval: 500,
        ...(fetch > 1 && { localQueue: { size: fetch }, completeJobBatchDelay: 250 }),
      },
    },
    taskList: { sign },
    noHandleSignals: true,
  })
}

await { prepare, work }[process.argv[2]]()
