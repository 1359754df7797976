-- The owner of the ledger and its database, and the logins of the operator and of the gateway, which own nothing: made when the
-- server's data are made. What an administrator of any server does for a ledger (administrator.sql) follows.
\set ON_ERROR_STOP on
\getenv owner_password CHANCERY_OWNER_PASSWORD
\getenv operator_password CHANCERY_OPERATOR_PASSWORD
\getenv gateway_password CHANCERY_GATEWAY_PASSWORD

CREATE ROLE chancery LOGIN PASSWORD :'owner_password';
CREATE ROLE "chancery-operator" LOGIN PASSWORD :'operator_password';
CREATE ROLE "chancery-gateway" LOGIN CONNECTION LIMIT 50 PASSWORD :'gateway_password';
ALTER ROLE "chancery-gateway" SET temp_file_limit = '256MB';
ALTER ROLE "chancery-gateway" SET log_min_messages = 'fatal';
ALTER ROLE "chancery-gateway" SET log_min_error_statement = 'panic';
CREATE DATABASE chancery OWNER chancery;
-- The logins of runs are let into the ledger's database and no other.
REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC;
\connect chancery

