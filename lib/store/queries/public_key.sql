-- $1 key
SELECT m.public_key FROM chancery.key_material m WHERE m.key_id = $1
