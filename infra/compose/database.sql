-- One role and one schema for each service, made by the administrator; may be repeated.
-- Passwords come from the environment and never pass a command line.
\getenv auth_password AUTH_DB_PASSWORD
\getenv sandbox_password SANDBOX_DB_PASSWORD
BEGIN;
SELECT pg_advisory_xact_lock(7305410) \g /dev/null
SELECT format('CREATE ROLE %I LOGIN', role) FROM (VALUES ('insien_auth'), ('insien_sandbox')) AS wanted (role)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec
ALTER ROLE insien_auth PASSWORD :'auth_password';
ALTER ROLE insien_sandbox PASSWORD :'sandbox_password';
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO insien_auth, insien_sandbox', current_database()) \gexec
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS auth AUTHORIZATION insien_auth;
CREATE SCHEMA IF NOT EXISTS sandbox AUTHORIZATION insien_sandbox;
-- Tables of the earlier product, which the migrations read.
SELECT format('GRANT SELECT ON public.%I TO insien_auth, insien_sandbox', earlier)
FROM (VALUES ('users'), ('api_keys'), ('sandboxes')) AS tables (earlier)
WHERE to_regclass('public.' || quote_ident(earlier)) IS NOT NULL \gexec
COMMIT;
