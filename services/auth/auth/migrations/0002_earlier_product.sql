-- Takes over users and keys of the earlier product, whose tables stand in `public`. They are read
-- as JSON, so that a table with or without the profile fields of its 001_add_user_fields will do.
-- The old tables stay as they are; the sandbox service takes over its own.

-- The old id where it is a UUID, else one that is always the same for the same old id.
CREATE FUNCTION earlier_id(kind text, old text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN old ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN old::uuid
        ELSE md5('insien:' || kind || ':' || old)::uuid
    END
$$;

DO $$
DECLARE
    old_table text;
    has_clerk_id boolean;
BEGIN
    IF to_regclass('public.users') IS NULL THEN
        RETURN;
    END IF;
    SELECT EXISTS (
        SELECT 1 FROM pg_attribute
        WHERE attrelid = to_regclass('public.users') AND attname = 'clerk_id' AND NOT attisdropped
    ) INTO has_clerk_id;
    IF NOT has_clerk_id THEN
        RAISE NOTICE 'public.users has no clerk_id: it is not the earlier product''s, left alone';
        RETURN;
    END IF;
    FOREACH old_table IN ARRAY ARRAY['public.users', 'public.api_keys'] LOOP
        IF to_regclass(old_table) IS NOT NULL
            AND NOT has_table_privilege(to_regclass(old_table), 'SELECT') THEN
            RAISE EXCEPTION 'cannot read % of the earlier product', old_table
                USING HINT = format('GRANT SELECT ON %s TO %s', old_table, current_user);
        END IF;
    END LOOP;

    INSERT INTO users (id, clerk_id, email, first_name, last_name, username, image_url,
                       phone_number, metadata, created_at, updated_at, checked_at)
    SELECT earlier_id('user', j ->> 'id'), j ->> 'clerk_id', j ->> 'email', j ->> 'first_name',
           j ->> 'last_name', j ->> 'username', coalesce(j ->> 'image_url', j ->> 'profile_image_url'),
           j ->> 'phone_number',
           CASE jsonb_typeof(j -> 'metadata') WHEN 'object' THEN j -> 'metadata' ELSE '{}' END,
           coalesce((j ->> 'created_at')::timestamptz, now()),
           coalesce((j ->> 'updated_at')::timestamptz, now()), 'epoch'
    FROM (SELECT to_jsonb(u) AS j FROM public.users u) AS old
    WHERE j ->> 'clerk_id' IS NOT NULL
    ON CONFLICT DO NOTHING;

    IF to_regclass('public.api_keys') IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO api_keys (id, user_id, prefix, key_hash, name, scopes, created_at, expires_at,
                          last_used_at, revoked_at, legacy)
    SELECT earlier_id('key', j ->> 'id'), u.id,
           rtrim(coalesce(j ->> 'key_prefix', j ->> 'prefix', 'isk_'), '.*… '),
           j ->> 'key_hash', left(coalesce(nullif(j ->> 'name', ''), 'API key'), 100),
           ARRAY['sandbox:read', 'sandbox:write'],
           coalesce((j ->> 'created_at')::timestamptz, now()), (j ->> 'expires_at')::timestamptz,
           (j ->> 'last_used_at')::timestamptz,
           CASE
               WHEN j ->> 'revoked_at' IS NOT NULL THEN (j ->> 'revoked_at')::timestamptz
               WHEN (j ->> 'revoked')::boolean IS TRUE
                   OR coalesce(j ->> 'is_active', j ->> 'active')::boolean IS FALSE THEN now()
           END,
           true
    FROM (SELECT to_jsonb(k) AS j FROM public.api_keys k) AS old
    JOIN users u ON u.id = earlier_id('user', j ->> 'user_id')
    WHERE j ->> 'key_hash' IS NOT NULL
    ON CONFLICT DO NOTHING;
END
$$;

DROP FUNCTION earlier_id(text, text);
