-- $1 run, $2 login
SELECT chancery.login_bind($1, $2::name)
