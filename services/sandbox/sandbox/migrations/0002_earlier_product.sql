-- Takes over the sandboxes of the earlier product (public.sandboxes), when they are in this
-- database. Its containers hold no agent of ours, so all of them are taken over as ended: their
-- owners find them in the list with the reason `earlier_product`. Columns differ between its
-- releases, so each row is read as a document. An id or owner that is no UUID gets one that is
-- derived from it, the same whenever this is run.
DO $$
DECLARE
    uuid_form constant text := '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$';
BEGIN
    IF to_regclass('public.sandboxes') IS NULL THEN
        RETURN;
    END IF;
    EXECUTE $take$
        WITH earlier AS (SELECT to_jsonb(old) AS doc FROM public.sandboxes AS old),
        taken AS (
            INSERT INTO sandbox.sandboxes (
                id, user_id, template, image, state, resources, metadata,
                created_at, expires_at, destroyed_at, reason
            )
            SELECT
                CASE WHEN doc ->> 'id' ~ $1 THEN (doc ->> 'id')::uuid
                     ELSE md5(doc ->> 'id')::uuid END,
                CASE WHEN doc ->> 'user_id' ~ $1 THEN (doc ->> 'user_id')::uuid
                     ELSE md5(doc ->> 'user_id')::uuid END,
                coalesce(doc ->> 'template', 'default'),
                coalesce(doc ->> 'image', ''),
                'destroyed',
                '{"cpus": 1.0, "memory_mb": 512, "disk_mb": 2048, "pids": 256}',
                jsonb_strip_nulls(jsonb_build_object('earlierId', doc ->> 'id')),
                coalesce((doc ->> 'created_at')::timestamptz, now()),
                (doc ->> 'expires_at')::timestamptz,
                coalesce((doc ->> 'destroyed_at')::timestamptz, now()),
                'earlier_product'
            FROM earlier
            WHERE doc ->> 'id' IS NOT NULL
            ON CONFLICT (id) DO NOTHING
            RETURNING id
        )
        INSERT INTO sandbox.events (sandbox_id, type, cause, actor)
        SELECT id, 'destroyed', 'earlier_product', 'system' FROM taken
    $take$ USING uuid_form;
END
$$;
