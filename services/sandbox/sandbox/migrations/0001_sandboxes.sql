CREATE TABLE sandbox.sandboxes (
    id uuid PRIMARY KEY,
    user_id uuid,
    api_key_id text,
    template text NOT NULL,
    image text NOT NULL,
    state text NOT NULL CHECK (
        state IN ('pending', 'warm', 'running', 'paused', 'destroying', 'destroyed', 'failed')
    ),
    generation bigint NOT NULL DEFAULT 1,
    container_id text,
    container jsonb,
    resources jsonb NOT NULL,
    egress text NOT NULL DEFAULT 'full' CHECK (egress IN ('full', 'none')),
    metadata jsonb NOT NULL DEFAULT '{}',
    fingerprint text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    expires_at timestamptz,
    active_at timestamptz NOT NULL DEFAULT now(),
    -- Until when the one who works on a transient state must have been heard of.
    lease_until timestamptz,
    destroyed_at timestamptz,
    reason text,
    CONSTRAINT owned_when_used CHECK (state NOT IN ('running', 'paused') OR user_id IS NOT NULL),
    CONSTRAINT nobodys_when_warm CHECK (state <> 'warm' OR user_id IS NULL)
);

CREATE INDEX sandboxes_of_user ON sandbox.sandboxes (user_id, created_at DESC, id DESC);
CREATE INDEX sandboxes_alive ON sandbox.sandboxes (state, template)
    WHERE state NOT IN ('destroyed', 'failed');
CREATE INDEX sandboxes_ended ON sandbox.sandboxes (destroyed_at)
    WHERE state IN ('destroyed', 'failed');

CREATE TABLE sandbox.ports (
    sandbox_id uuid NOT NULL REFERENCES sandbox.sandboxes ON DELETE CASCADE,
    port int NOT NULL CHECK (port BETWEEN 1 AND 65535),
    access text NOT NULL CHECK (access IN ('public', 'private')),
    exposure_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sandbox_id, port)
);

CREATE TABLE sandbox.events (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sandbox_id uuid NOT NULL REFERENCES sandbox.sandboxes ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT now(),
    type text NOT NULL,
    cause text NOT NULL,
    actor text NOT NULL,
    data jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX events_of_sandbox ON sandbox.events (sandbox_id, number DESC);

CREATE TABLE sandbox.idempotency (
    user_id uuid NOT NULL,
    key text NOT NULL,
    -- Keyed digest: the body may hold secrets that could be guessed from a bare one.
    body_digest text NOT NULL,
    sandbox_id uuid NOT NULL REFERENCES sandbox.sandboxes ON DELETE CASCADE,
    -- What was answered; null until it was.
    state text,
    expires_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);

CREATE INDEX idempotency_of_sandbox ON sandbox.idempotency (sandbox_id);
CREATE INDEX idempotency_by_age ON sandbox.idempotency (created_at);
