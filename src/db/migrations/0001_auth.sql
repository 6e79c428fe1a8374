-- 0001_auth.sql. Why: everything a person makes belongs to an account, and a browser or program proves which one by a session.
-- Logins (e-mail, WeChat, Google) come as a table of their own that points to account; a guest has none.

CREATE TABLE IF NOT EXISTS account (
  id         BIGINT      NOT NULL PRIMARY KEY,
  kind       VARCHAR(16) NOT NULL,          -- auth/auth.c: 'guest', 'operator'
  created_ms BIGINT      NOT NULL
);

CREATE TABLE IF NOT EXISTS session (
  id         BIGINT   NOT NULL PRIMARY KEY,
  account_id BIGINT   NOT NULL REFERENCES account (id),
  token_sha  CHAR(64) NOT NULL UNIQUE,      -- hex SHA-256; a stolen database signs nobody in. UNIQUE: the point read of every request
  created_ms BIGINT   NOT NULL,
  expires_ms BIGINT   NOT NULL              -- 0 = never (the operator's)
);

CREATE INDEX IF NOT EXISTS session_by_expiry ON session (expires_ms);    -- the keeper's sweep
CREATE INDEX IF NOT EXISTS session_by_account ON session (account_id);   -- is there an operator's session
