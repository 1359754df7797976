SELECT f.name, f.hash FROM chancery.functions f
