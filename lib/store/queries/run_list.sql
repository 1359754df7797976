SELECT r.namespace, r.name
  FROM chancery.runs r
 ORDER BY r.namespace, r.name
