SELECT current_setting('server_version_num')::integer AS version,
       current_setting('server_version') AS version_text,
       pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only
