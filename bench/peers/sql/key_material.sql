-- $1: key
SELECT pkcs8 FROM work.key_material WHERE key = $1::integer
