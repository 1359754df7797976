-- The logins of the ledger, made when the server's data are made. The roles chancery_signer and
-- chancery_auditor get their rights from the ledger's migrations; made here, they spare the owner the right to make roles.
\set ON_ERROR_STOP on
\getenv owner_password CHANCERY_OWNER_PASSWORD
\getenv signer_password CHANCERY_SIGNER_PASSWORD

CREATE ROLE chancery_signer NOLOGIN;
CREATE ROLE chancery_auditor NOLOGIN;
CREATE ROLE chancery LOGIN PASSWORD :'owner_password';
CREATE ROLE chancery_signer_login LOGIN PASSWORD :'signer_password' IN ROLE chancery_signer;
GRANT chancery_signer, chancery_auditor TO chancery;

CREATE DATABASE chancery OWNER chancery;
REVOKE CONNECT, TEMPORARY ON DATABASE chancery FROM PUBLIC;
GRANT CONNECT ON DATABASE chancery TO chancery_signer;
