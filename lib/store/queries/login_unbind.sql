-- $1 login
SELECT chancery.login_unbind($1::name)
