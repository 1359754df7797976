-- $1 statement timeout, $2 lock timeout, both in milliseconds; $3 the role to take on, or null
--
-- A commit counts once the disk has it, and that of the synchronous standby, if there is one, whatever the
-- default of role or database is. A peer that vanished without a word must not keep a session, and
-- whatever it holds, for hours.
SELECT set_config(
           'synchronous_commit',
           CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END,
           false),
       set_config('statement_timeout', $1, false),
       set_config('lock_timeout', $2, false),
       set_config('idle_in_transaction_session_timeout', '30s', false),
       -- Signers sign for longer than a server may leave a session idle.
       set_config('idle_session_timeout', '0', false),
       set_config('tcp_keepalives_idle', '10', false),
       set_config('tcp_keepalives_interval', '5', false),
       set_config('tcp_keepalives_count', '3', false),
       set_config('tcp_user_timeout', '25s', false),
       -- A statement that may do without an index at no price looks dear (migrations/functions/README.md): PostgreSQL
       -- would compile it for a third of a second, and run it in a millisecond.
       set_config('jit', 'off', false),
       set_config('role', coalesce($3, current_setting('role')), false)
