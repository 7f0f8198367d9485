-- People, as Clerk knows them. A row is never deleted: deleted_at makes it a tombstone.
CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    clerk_id text NOT NULL UNIQUE,
    -- Not unique: two people may swap addresses, and Clerk's words come in any order.
    email text,
    first_name text,
    last_name text,
    username text,
    image_url text,
    phone_number text,
    -- The product's own; Clerk knows nothing of it.
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- Clerk's `updated_at` of the profile above; NULL until a profile was read.
    clerk_updated_at timestamptz,
    -- When Clerk was last asked about this user.
    checked_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    -- When the sandbox service has confirmed that a deleted user's sandboxes are going away.
    sandboxes_destroyed_at timestamptz
);
CREATE INDEX users_to_check ON users (checked_at) WHERE deleted_at IS NULL;
CREATE INDEX users_incomplete ON users (checked_at)
    WHERE deleted_at IS NULL AND clerk_updated_at IS NULL;
CREATE INDEX users_departing ON users (deleted_at)
    WHERE deleted_at IS NOT NULL AND sandboxes_destroyed_at IS NULL;

CREATE TABLE api_keys (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id),
    -- Public: the key's first 12 characters (of a key of the earlier product, what was kept of it).
    prefix text NOT NULL,
    key_hash text NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    -- The key that a rotation put in this one's place.
    replaced_by uuid REFERENCES api_keys (id),
    -- Whether it has the form of the earlier product (no checksum).
    legacy boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX api_keys_prefix ON api_keys (prefix) WHERE NOT legacy;
CREATE INDEX api_keys_legacy_prefix ON api_keys (prefix) WHERE legacy;
CREATE INDEX api_keys_user ON api_keys (user_id, created_at DESC);

-- Which webhook deliveries have had their effect.
CREATE TABLE webhook_deliveries (
    svix_id text PRIMARY KEY,
    type text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_deliveries_age ON webhook_deliveries (received_at);

-- Who did what, when, from where. Append-only.
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    user_id uuid NOT NULL REFERENCES users (id),
    type text NOT NULL,
    actor text NOT NULL,
    address text NOT NULL DEFAULT '',
    key_id uuid,
    key_prefix text NOT NULL DEFAULT '',
    request_id text NOT NULL DEFAULT '',
    data jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_of_user ON audit (user_id, id DESC);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'auth.audit is append-only';
END
$$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
