-- A number of bytes for people, as `1.5 GiB`.
CREATE OR REPLACE FUNCTION chancery.bytes_text(p_bytes numeric) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN power = 0 THEN p_bytes || ' bytes'
                ELSE trim_scale(round(p_bytes / 1024::numeric ^ power, 1)) || ' ' || (ARRAY['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'])[power] END
      FROM (SELECT least(6, coalesce(max(n), 0)) AS power FROM generate_series(1, 6) n WHERE p_bytes >= 1024::numeric ^ n) p
$$;
