-- Where several gateways share their API definitions and applications (docs/configuration.md, `state`).
-- Whoever changes something holds the lock of `revision`, so that everybody has seen what they change.
CREATE SCHEMA IF NOT EXISTS countersign;

-- One row: how many changes there have been.
CREATE TABLE IF NOT EXISTS countersign.revision (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    number bigint NOT NULL
);
INSERT INTO countersign.revision (number) VALUES (0) ON CONFLICT DO NOTHING;

-- What holds now: `apis/orders.yaml`, `applications.yaml`.
CREATE TABLE IF NOT EXISTS countersign.documents (
    name text PRIMARY KEY,
    content text NOT NULL,
    -- Of the last change.
    revision bigint NOT NULL,
    author text NOT NULL,
    changed_at timestamptz NOT NULL
);

-- Every change, with the document's text after it; nothing after a removal.
CREATE TABLE IF NOT EXISTS countersign.history (
    revision bigint PRIMARY KEY,
    changed_at timestamptz NOT NULL,
    author text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    name text NOT NULL,
    note text NOT NULL,
    diff text NOT NULL,
    content text
);
