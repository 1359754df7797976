-- Traces: in which trace an arrival came, as W3C Trace Context has it, so that what is told and delivered of it can say so. It is known by the
-- arrival's place, which stays the same whatever becomes of it. Beside the records of a run whose sources can have traces, a table per run.

CREATE TABLE chancery.traces (
    source        integer NOT NULL,
    split         integer NOT NULL,
    -- Whatever came from this position to that one came with it.
    position      bigint NOT NULL,
    last_position bigint NOT NULL,
    run_id        integer NOT NULL,
    traceparent   text NOT NULL CHECK (traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'),
    PRIMARY KEY (source, split, position, run_id),
    CHECK (last_position >= position)
) PARTITION BY LIST (run_id);

CREATE TRIGGER traces_never_change
    BEFORE UPDATE OR DELETE ON chancery.traces FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
