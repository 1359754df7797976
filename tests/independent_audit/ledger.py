"""Reads a ledger: one transaction, one instant, rows as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from blocks import BLOCK_BYTES, signatures_of
from rows import (
    Admission,
    Arrival,
    Batch,
    BatchNumber,
    BatchOfManifest,
    Block,
    Confirmed,
    DeletedRun,
    DeliveredLines,
    Delivery,
    DeliveryMove,
    Event,
    Intake,
    Key,
    Keyring,
    Known,
    Lease,
    Manifest,
    Marks,
    Notification,
    Record,
    RecordTrace,
    Run,
    Signature,
    SignedLease,
    Sink,
    Source,
    Split,
)

# Rows that a stream holds at a time, and of those with payloads.
ROWS_AT_A_TIME = 1_000
PAYLOADS_AT_A_TIME = 16

# Bytes that a payload has at the most.
PAYLOAD_BYTES = 1 << 20


class NotFound(Exception):
    """The ledger has no such run or keyring, or it is being deleted."""


_KEYRING = """SELECT id, algorithm::text AS algorithm, key_size, key_count, provider::text AS provider,
                     envelope::text AS envelope, content_type, forgotten_use, filled_at IS NOT NULL AS filled
                FROM chancery.keyrings"""
_LEASE = """SELECT id, run_id, batch, keyring_id, key_id, use_sequence,
                   extract(epoch FROM acquired_at) AS acquired_at, extract(epoch FROM expires_at) AS expires_at,
                   extract(epoch FROM signed_at) AS signed_at,
                   extract(epoch FROM doubted_at + duration / 2) AS doubted_until, extract(epoch FROM released_at) AS released_at,
                   outcome::text AS outcome
              FROM chancery.leases"""


class Ledger:
    """A ledger at one instant: every read sees the same."""

    def __init__(self, url: str) -> None:
        """Connects; raises psycopg.Error."""
        self._connection = psycopg.connect(
            url,
            connect_timeout=10,
            application_name="chancery-independent-audit",
            # Else the names in a database without an encoding (SQL_ASCII) would come as bytes.
            client_encoding="utf8",
            # A plan that is kept is one for any run, and locks the tables of all runs.
            prepare_threshold=None,
        )
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._connection.read_only = True
        # Partitions are no part of a snapshot. A lock that is taken before it keeps those of every run that is not
        # deleted by then, until this value is gone.
        self._connection.execute(
            "LOCK TABLE ONLY chancery.records, ONLY chancery.batches, ONLY chancery.signature_blocks,"
            " ONLY chancery.arrivals, ONLY chancery.flags, ONLY chancery.alerts, ONLY chancery.originals,"
            " ONLY chancery.judgements, ONLY chancery.pendings, ONLY chancery.answers, ONLY chancery.traces, ONLY chancery.deliveries, ONLY chancery.events,"
            " ONLY chancery.digests IN ACCESS SHARE MODE"
        )
        self._streams = 0

    def runs(self, namespace: str, name: str) -> list[Run]:
        """All rows of that name; a sound ledger has at most one."""
        return self._all(
            Run,
            """SELECT id, keyring_id, batch_size,
                      (SELECT min((s.description #>> '{http,periodMicros}')::numeric) / 1000000
                         FROM chancery.sources s WHERE s.run_id = runs.id) AS period,
                      record_count, sealed_at IS NOT NULL AS sealed,
                      completed_at IS NOT NULL AS complete, deleted_at IS NOT NULL AS deleted, policy_hash
                 FROM chancery.runs WHERE namespace = %s AND name = %s ORDER BY id""",
            namespace,
            name,
        )

    def keyrings(self, namespace: str, name: str) -> list[Keyring]:
        """All rings of that name; a sound ledger has at most one."""
        return self._all(Keyring, f"{_KEYRING} WHERE namespace = %s AND name = %s", namespace, name)

    def keyrings_of(self, run: Run) -> list[Keyring]:
        """The rows of the run's ring; a sound ledger has one."""
        return self._all(Keyring, f"{_KEYRING} WHERE id = %s", run.keyring_id)

    def admissions(self, run: Run) -> list[Admission]:
        """How far the run's input is, by its own account; a sound ledger has one row."""
        return self._all(
            Admission,
            """SELECT records, batches, batched, opened_at IS NOT NULL AS waiting
                 FROM chancery.admissions WHERE run_id = %s""",
            run.id,
        )

    def sources(self, run: Run) -> list[Source]:
        """Where the run's records come from; a sound ledger has one row."""
        return self._all(
            Source, "SELECT record_count, chunk_size FROM chancery.generated_sources WHERE run_id = %s", run.id
        )

    def intakes(self, run: Run) -> list[Intake]:
        """What became of the arrivals, by the run's own account; a run with sources has one row, another none."""
        return self._all(
            Intake,
            """SELECT idempotency::text AS idempotency, record_limit, received, admitted, duplicates, dead, rejected,
                      pending, flagged, alerts
                 FROM chancery.intakes WHERE run_id = %s""",
            run.id,
        )

    def unlisted(self, run: Run) -> list[int]:
        """The sources that were not listed yet."""
        return [
            row[0]
            for row in self.rows(
                "SELECT source FROM chancery.sources WHERE run_id = %s AND listed_at IS NULL ORDER BY source", run.id
            )
        ]

    def splits(self, run: Run) -> Iterator[Split]:
        """The parts of the sources, in order."""
        return self._stream(
            Split,
            """SELECT t.source, t.split, t.start, t.position,
                      EXISTS (SELECT FROM chancery.sources s
                               WHERE s.run_id = t.run_id AND s.source = t.source AND s.description ? 'http') AS pushed,
                      t.done_at IS NOT NULL AS done, t.received, t.admitted, t.duplicates, t.dead, t.rejected,
                      t.pending
                 FROM chancery.splits t WHERE t.run_id = %s ORDER BY t.source, t.split""",
            run.id,
        )

    def admitted(self, run: Run) -> Iterator[Arrival]:
        """The records, in the order of where they came from."""
        return self._stream(
            Arrival,
            f"""SELECT source, split, position, 'Admitted' AS state, record, digest, identity,
                       CASE WHEN octet_length(payload) <= {PAYLOAD_BYTES} THEN payload END AS payload,
                       NULL AS duplicate_run, NULL AS duplicate_record, NULL AS stage, NULL AS rule, NULL AS reason, false AS kept,
                       EXISTS (SELECT FROM chancery.answers w
                                WHERE w.run_id = r.run_id AND w.source = r.source AND w.split = r.split
                                  AND w.position = r.position) AS waited
                  FROM chancery.records r WHERE run_id = %s
                 ORDER BY source NULLS FIRST, split NULLS FIRST, position NULLS FIRST, record""",
            run.id,
            at_a_time=PAYLOADS_AT_A_TIME,
        )

    def not_admitted(self, run: Run) -> Iterator[Arrival]:
        """The other arrivals, in the same order."""
        return self._stream(
            Arrival,
            """SELECT source, split, position, state::text AS state, NULL AS record, digest, identity, NULL AS payload,
                      duplicate_run, duplicate_record, stage, rule, reason, raw IS NOT NULL AS kept, false AS waited
                 FROM chancery.arrivals WHERE run_id = %s ORDER BY source, split, position""",
            run.id,
        )

    def pending(self, run: Run) -> Iterator[Arrival]:
        """What waits to be judged, in the same order."""
        return self._stream(
            Arrival,
            """SELECT source, split, position, 'Pending' AS state, NULL AS record, NULL AS digest, NULL AS identity, NULL AS payload,
                      NULL AS duplicate_run, NULL AS duplicate_record, NULL AS stage, NULL AS rule, NULL AS reason,
                      false AS kept, true AS waited
                 FROM chancery.pendings WHERE run_id = %s ORDER BY source, split, position""",
            run.id,
        )

    def digests(self, run: Run) -> Iterator[Known]:
        """What the run's ring knows its records by, in the order of their numbers."""
        return self._stream(
            Known,
            "SELECT record, digest FROM chancery.digests WHERE keyring_id = %s AND run_id = %s ORDER BY record",
            run.keyring_id,
            run.id,
        )

    def digests_of_records(self, run: Run) -> Iterator[Known]:
        """What the records themselves say that they are known by, in the order of their numbers."""
        return self._stream(
            Known,
            """SELECT record, CASE WHEN identity IS NULL THEN digest ELSE identity END AS digest
                 FROM chancery.records WHERE run_id = %s AND digest IS NOT NULL ORDER BY record""",
            run.id,
        )

    def false_duplicates(self, run: Run, other: int) -> list[tuple]:
        """Duplicates of another run's records, or of this one's, that are none: where each is, and the record it names."""
        return self.rows(
            """SELECT a.source, a.split, a.position, a.duplicate_record FROM chancery.arrivals a
                WHERE a.run_id = %s AND a.duplicate_run = %s
                  AND NOT EXISTS (SELECT FROM chancery.records r
                                   WHERE r.run_id = %s AND r.record = a.duplicate_record
                                     AND CASE WHEN r.identity IS NULL THEN r.digest ELSE r.identity END
                                         = CASE WHEN a.identity IS NULL THEN a.digest ELSE a.identity END)
                LIMIT 100""",
            run.id,
            other,
            other,
        )

    def runs_whole(self) -> dict[int, int]:
        """The runs that are not being deleted, each with its ring."""
        return dict(self.rows("SELECT id, keyring_id FROM chancery.runs WHERE deleted_at IS NULL"))

    def chunks(self, run: Run) -> set[int]:
        """The parts of its source that were made, in whatever order."""
        with self._connection.cursor() as cursor:
            rows = cursor.execute("SELECT chunk FROM chancery.generated_chunks WHERE run_id = %s", (run.id,))
            return {row[0] for row in rows}

    def keys(self, keyring: Keyring) -> list[Key]:
        """The ring, in the order of the keys' numbers."""
        return self._all(
            Key,
            """SELECT k.id, k.number, k.state::text AS state, k.last_use, k.joined_use, k.retired_use,
                      k.retired_at IS NOT NULL AS retired, m.public_key
                 FROM chancery.keys k LEFT JOIN chancery.key_material m ON m.key_id = k.id
                WHERE k.keyring_id = %s ORDER BY k.number, k.id""",
            keyring.id,
        )

    def runs_of(self, keyring: Keyring) -> dict[int, bool]:
        """The runs of the ring that are in the ledger, and whether each is complete."""
        with self._connection.cursor() as cursor:
            rows = cursor.execute(
                "SELECT id, completed_at IS NOT NULL FROM chancery.runs WHERE keyring_id = %s", (keyring.id,)
            )
            return dict(rows.fetchall())

    def deleted_runs(self) -> list[DeletedRun]:
        """The runs that were deleted while their ring went on, of all rings."""
        return self._all(DeletedRun, "SELECT run_id, keyring_id, last_use FROM chancery.deleted_runs ORDER BY run_id")

    def records(self, run: Run) -> Iterator[Record]:
        """Every record that is stored for the run."""
        return self._stream(
            Record,
            f"""SELECT record, octet_length(payload) AS length,
                       CASE WHEN octet_length(payload) <= {PAYLOAD_BYTES} THEN payload END AS payload
                  FROM chancery.records WHERE run_id = %s ORDER BY record""",
            run.id,
            at_a_time=PAYLOADS_AT_A_TIME,
        )

    def signatures(self, run: Run) -> Iterator[Signature]:
        """Every signature that is stored for the run."""
        blocks = self._stream(
            Block,
            f"""SELECT first_record, last_record, lease_id,
                       CASE WHEN octet_length(signatures) <= {BLOCK_BYTES} THEN signatures END AS signatures
                  FROM chancery.signature_blocks WHERE run_id = %s ORDER BY first_record""",
            run.id,
            at_a_time=PAYLOADS_AT_A_TIME,
        )
        return signatures_of(blocks)

    def batches(self, run: Run) -> Iterator[Batch]:
        """Every batch that is stored for the run."""
        return self._stream(
            Batch,
            """SELECT batch, first_record, last_record, payload_bytes, extract(epoch FROM opened_at) AS opened_at,
                      extract(epoch FROM closed_at) AS closed_at, closed_by::text AS closed_by,
                      state::text AS state, lease_id
                 FROM chancery.batches WHERE run_id = %s ORDER BY batch, first_record""",
            run.id,
        )

    def leases_by_batch(self, run: Run) -> Iterator[Lease]:
        """The run's leases, batch by batch."""
        return self._stream(Lease, f"{_LEASE} WHERE run_id = %s ORDER BY batch, use_sequence, id", run.id)

    def leases_by_use(self, keyring: Keyring) -> Iterator[Lease]:
        """The ring's leases in the order in which keys were chosen."""
        return self._stream(Lease, f"{_LEASE} WHERE keyring_id = %s ORDER BY use_sequence, id", keyring.id)

    def leases_elsewhere(self, keyring: Keyring) -> Iterator[Lease]:
        """Leases of this ring's runs, or of its keys, that stand in the log of another ring."""
        return self._stream(
            Lease,
            f"""{_LEASE} WHERE keyring_id IS DISTINCT FROM %(ring)s
                   AND (run_id IN (SELECT id FROM chancery.runs WHERE keyring_id = %(ring)s
                                   UNION SELECT run_id FROM chancery.deleted_runs WHERE keyring_id = %(ring)s)
                        OR key_id IN (SELECT id FROM chancery.keys WHERE keyring_id = %(ring)s))""",
            {"ring": keyring.id},
        )

    def leases_of_no_run(self) -> Iterator[Lease]:
        """Leases whose run is no run of their ring, neither in the ledger nor deleted from it."""
        return self._stream(
            Lease,
            f"""{_LEASE} WHERE (run_id, keyring_id) NOT IN (
                       SELECT id, keyring_id FROM chancery.runs
                       UNION SELECT run_id, keyring_id FROM chancery.deleted_runs)""",
        )

    def batches_of_no_lease(self, keyring: Keyring) -> list[tuple[int, str]]:
        """Batches of the ring's runs under a lease that is in no log, each with its run's name.

        Run by run: a query of all would lock the tables of all runs. A run that is being deleted may have none left.
        """
        runs = self.rows(
            """SELECT id, namespace || '/' || name FROM chancery.runs
                WHERE keyring_id = %s AND deleted_at IS NULL ORDER BY id""",
            keyring.id,
        )
        found = []
        for number, name in runs:
            # What is read in a savepoint gives its locks back with it.
            with self._connection.transaction(force_rollback=True):
                batches = self.rows(
                    """SELECT b.batch FROM chancery.batches b LEFT JOIN chancery.leases l ON l.id = b.lease_id
                        WHERE b.run_id = %s AND b.lease_id IS NOT NULL AND l.id IS NULL LIMIT 100""",
                    number,
                )
            found += [(batch, name) for (batch,) in batches]
        return found

    def tables_of_no_run(self) -> list[str]:
        """Partitions that are of no run that exists; a run's tables go before its row does.

        The catalogue's rows are those of this instant. pg_get_expr is given no table to look for, which may have been
        dropped since: the bound is in the row itself.
        """
        runs = {row[0] for row in self.rows("SELECT id FROM chancery.runs")}
        found = []
        for parent, name, bound in self.rows(
            """SELECT p.relname, c.relname, pg_get_expr(c.relpartbound, 0)
                 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
                 JOIN pg_namespace n ON n.oid = p.relnamespace
                WHERE n.nspname = 'chancery' AND p.relname IN ('records', 'batches', 'signature_blocks', 'arrivals', 'flags', 'alerts',
                                                         'originals', 'judgements', 'pendings', 'answers', 'traces', 'deliveries', 'events')
                ORDER BY c.oid"""
        ):
            by_name = re.fullmatch(rf"{parent}_(\d+)", name)
            number = None if by_name is None else int(by_name[1])
            if number not in runs or bound != f"FOR VALUES IN ({number})":
                found.append(name)
        return found

    def sinks(self, run: Run) -> list[Sink]:
        """In the order of the manifest."""
        return self._all(
            Sink,
            """SELECT sink, name, ordered, attempt_limit, description ?| ARRAY['objects', 'http', 'table'] AS is_lines,
                      delivered, dead, redriven
                 FROM chancery.sinks WHERE run_id = %s ORDER BY sink""",
            run.id,
        )

    def sinks_of_deliveries(self, run: Run) -> set[int]:
        """The numbers of the sinks that deliveries name."""
        return {row[0] for row in self.rows("SELECT DISTINCT sink FROM chancery.deliveries WHERE run_id = %s", run.id)}

    def deliveries(self, run: Run, sink: Sink) -> Iterator[Delivery]:
        """Those to one sink, in the order of the batches."""
        return self._stream(
            Delivery,
            """SELECT batch, state::text AS state, attempts, last_error IS NOT NULL AS says_why,
                      decode(md5(object), 'hex') AS name_hash, digest, redrives, discarded
                 FROM chancery.deliveries WHERE run_id = %s AND sink = %s ORDER BY batch""",
            run.id,
            sink.sink,
        )

    def manifests(self, run: Run) -> list[Manifest]:
        """One for each sink that takes one."""
        return self._all(
            Manifest,
            """SELECT sink, number, stated, attempts, last_error IS NOT NULL AS says_why, object, digest, ended_at IS NOT NULL AS ended
                 FROM chancery.manifests WHERE run_id = %s ORDER BY sink""",
            run.id,
        )

    def batches_of_manifest(self, run: Run, sink: Sink) -> Iterator[BatchOfManifest]:
        """The batches of the run, and what became of each at a sink, in order."""
        return self._stream(
            BatchOfManifest,
            """SELECT b.batch, b.first_record, b.last_record, d.object, d.digest, d.last_error
                 FROM chancery.batches b JOIN chancery.deliveries d ON d.run_id = b.run_id AND d.batch = b.batch
                WHERE b.run_id = %(run)s AND d.run_id = %(run)s AND d.sink = %(sink)s ORDER BY b.batch""",
            {"run": run.id, "sink": sink.sink},
        )

    def signing_keys(self, run: Run) -> list[bytes]:
        """The public keys that signed a batch of the run, in the order of their numbers."""
        found = self.rows(
            """SELECT k.number, m.public_key FROM chancery.leases l JOIN chancery.keys k ON k.id = l.key_id
                 JOIN chancery.key_material m ON m.key_id = k.id
                WHERE l.run_id = %s AND l.outcome = 'signed' GROUP BY 1, 2 ORDER BY 1""",
            run.id,
        )
        return [bytes(spki) for _, spki in found if spki is not None]

    def statements_of(self, run: Run) -> list[tuple[str, bytes, bytes]]:
        """Key, body and signature of each statement about the run, in the order of the chain."""
        return [
            (key, bytes(body), bytes(signature))
            for key, body, signature in self.rows(
                """SELECT s.key_id, s.body, s.signature FROM chancery.statements s JOIN chancery.runs r ON r.uid = s.run_uid
                    WHERE r.id = %s ORDER BY s.number""",
                run.id,
            )
        ]

    def uid_of(self, run: Run) -> UUID:
        """The identity of the run."""
        return self.rows("SELECT uid FROM chancery.runs WHERE id = %s", run.id)[0][0]

    def delivery_moves(self, run: Run) -> list[DeliveryMove]:
        """What was done with dead letters of deliveries, in the order of the attempts."""
        return self._all(
            DeliveryMove,
            "SELECT sink, batch, attempt, kind::text AS kind, attempts FROM chancery.delivery_moves WHERE run_id = %s ORDER BY attempt",
            run.id,
        )

    def delivered_lines(self, run: Run) -> Iterator[DeliveredLines]:
        """What sinks have, in the order of batches: of whatever kind a sink is, the digest is that of lines."""
        return self._stream(
            DeliveredLines,
            """SELECT d.batch, s.name AS sink, d.digest
                 FROM chancery.deliveries d JOIN chancery.sinks s ON s.run_id = d.run_id AND s.sink = d.sink
                WHERE d.run_id = %s AND d.state = 'Delivered' AND d.digest IS NOT NULL AND s.description ?| ARRAY['objects', 'http', 'table']
                ORDER BY d.batch""",
            run.id,
        )

    def notifications(self, run: Run) -> list[Notification]:
        """In the order of the manifest."""
        return self._all(
            Notification,
            "SELECT notification, name, events, attempt_limit, told, dead FROM chancery.notifications WHERE run_id = %s ORDER BY notification",
            run.id,
        )

    def notifications_of_events(self, run: Run) -> set[int]:
        """The numbers of the notifications that events name."""
        return {row[0] for row in self.rows("SELECT DISTINCT notification FROM chancery.events WHERE run_id = %s", run.id)}

    def events(self, run: Run, one: Notification) -> Iterator[Event]:
        """Those of one notification, the same ones one after the other; of those that tell of several, of how many."""
        return self._stream(
            Event,
            """SELECT what, state::text AS state, attempts, last_error IS NOT NULL AS says_why, (data ->> 'count')::bigint AS count,
                      told_to, told
                 FROM chancery.events WHERE run_id = %s AND notification = %s ORDER BY what""",
            run.id,
            one.notification,
        )

    def confirmed(self, run: Run) -> Iterator[Confirmed]:
        """The signed batches, and the records in them that come from sources which ask for confirmations."""
        return self._stream(
            Confirmed,
            """SELECT b.batch, b.first_record, b.last_record,
                      array_agg(r.record ORDER BY r.record) FILTER (WHERE s.confirm) AS records
                 FROM chancery.batches b
                 LEFT JOIN chancery.records r ON r.run_id = b.run_id AND r.record >= b.first_record AND r.record <= b.last_record
                 LEFT JOIN chancery.sources s ON s.run_id = r.run_id AND s.source = r.source
                WHERE b.run_id = %s AND b.state = 'signed'
                GROUP BY b.batch, b.first_record, b.last_record ORDER BY b.batch""",
            run.id,
        )

    def given_up(self, run: Run) -> list[tuple[int, int, int, bool]]:
        """Deliveries that were given up at least once: sink, batch, how often each was taken up again, and whether it is dead."""
        return [
            tuple(row)
            for row in self.rows(
                "SELECT sink, batch, redrives, state = 'Dead' FROM chancery.deliveries WHERE run_id = %s AND (state = 'Dead' OR redrives > 0)",
                run.id,
            )
        ]

    def signed_leases(self, run: Run) -> Iterator[SignedLease]:
        """The leases under which the run was signed, in the order of their batches."""
        return self._stream(
            SignedLease,
            """SELECT id, batch, key_id, to_char(signed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS signed_at
                 FROM chancery.leases WHERE run_id = %s AND outcome = 'signed' ORDER BY batch, use_sequence""",
            run.id,
        )

    def record_traces(self, run: Run) -> Iterator[RecordTrace]:
        """In which traces records came, of those that came in one, in their order."""
        return self._stream(
            RecordTrace,
            """SELECT r.record, t.traceparent
                 FROM chancery.traces t
                 JOIN chancery.records r ON r.run_id = t.run_id AND r.source = t.source AND r.split = t.split
                                        AND r.position >= t.position AND r.position <= t.last_position
                WHERE t.run_id = %s ORDER BY r.record""",
            run.id,
        )

    def marks(self, run: Run) -> Iterator[Marks]:
        """What a policy said of records, in their order."""
        return self._stream(
            Marks,
            """SELECT coalesce(f.record, a.record) AS record, f.score, f.hits, a.alerts
                 FROM (SELECT record, score, hits FROM chancery.flags WHERE run_id = %(run)s) f
                 FULL JOIN (SELECT record, jsonb_agg(jsonb_build_array(rule, message)) AS alerts
                              FROM chancery.alerts WHERE run_id = %(run)s GROUP BY record) a ON a.record = f.record
                ORDER BY 1""",
            {"run": run.id},
        )

    def signed_batches(self, run: Run) -> Iterator[int]:
        """The numbers of the batches that are signed, in order."""
        rows = self._stream(
            BatchNumber, "SELECT batch FROM chancery.batches WHERE run_id = %s AND state = 'signed' ORDER BY batch", run.id
        )
        return (row.batch for row in rows)

    def keys_of_no_ring(self) -> list[UUID]:
        """Keys whose keyring does not exist, and key material of no key."""
        return [
            row[0]
            for row in self.rows(
                """SELECT id FROM chancery.keys WHERE keyring_id NOT IN (SELECT id FROM chancery.keyrings)
                   UNION SELECT key_id FROM chancery.key_material WHERE key_id NOT IN (SELECT id FROM chancery.keys)
                   LIMIT 100"""
            )
        ]

    def rings_there_are(self) -> set[int]:
        """The numbers of all rings."""
        return {row[0] for row in self.rows("SELECT id FROM chancery.keyrings")}

    def runs_there_are(self) -> set[int]:
        """The numbers of all runs."""
        return {row[0] for row in self.rows("SELECT id FROM chancery.runs")}

    def rows(self, query: str, *values) -> list[tuple]:
        """All rows of a query."""
        with self._connection.cursor() as cursor:
            return cursor.execute(query, values or None).fetchall()

    def _all(self, kind, query: str, *values):
        with self._connection.cursor(row_factory=class_row(kind)) as cursor:
            return cursor.execute(query, values).fetchall()

    def _stream(self, kind, query: str, *values, at_a_time: int = ROWS_AT_A_TIME):
        """Rows through a cursor of the server, so that few are in memory at a time."""
        self._streams += 1
        if len(values) == 1 and isinstance(values[0], dict):
            values = values[0]
        with self._connection.cursor(f"stream_{self._streams}", row_factory=class_row(kind)) as cursor:
            cursor.itersize = at_a_time
            yield from cursor.execute(query, values)
