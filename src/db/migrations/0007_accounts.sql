-- 0007_accounts.sql. Why: a person comes back, from another device too, and finds the work. So far there were guests, known by one token each.
-- The table session stays for what it is good for now: opaque tokens of programs, first of all the operator's.

-- A login of an account. The subject is what the driver made of it: two spellings of one address are one row.
CREATE TABLE IF NOT EXISTS identity (
  id          BIGINT       NOT NULL PRIMARY KEY,
  account_id  BIGINT       NOT NULL,
  driver      VARCHAR(16)  NOT NULL,          -- auth/drivers.def
  subject     VARCHAR(254) NOT NULL,
  secret      VARCHAR(160) NOT NULL,          -- what proves it: an argon2id hash; '' where somebody else proves it
  created_ms  BIGINT       NOT NULL,
  verified_ms BIGINT       NOT NULL,
  UNIQUE (driver, subject)
);
CREATE INDEX IF NOT EXISTS identity_account ON identity (account_id);           -- /v1/me, verify

-- What an account says about itself. No row: it has said nothing.
CREATE TABLE IF NOT EXISTS profile (
  account_id  BIGINT       NOT NULL PRIMARY KEY,
  name        VARCHAR(160) NOT NULL,
  lang        VARCHAR(8)   NOT NULL,          -- '' = as the browser says
  region      VARCHAR(8)   NOT NULL,          -- '' = not chosen
  updated_ms  BIGINT       NOT NULL
);

-- A signed-in device. Its refresh token changes with every use; an old one that comes back ends it.
CREATE TABLE IF NOT EXISTS device (
  id          BIGINT       NOT NULL PRIMARY KEY,    -- sess_…
  account_id  BIGINT       NOT NULL,
  token_sha   CHAR(64)     NOT NULL,          -- hex SHA-256 of the refresh token: a stolen database signs nobody in
  before_sha  VARCHAR(64)  NOT NULL,          -- of the one before it; '' at first
  rotated_ms  BIGINT       NOT NULL,
  created_ms  BIGINT       NOT NULL,
  seen_ms     BIGINT       NOT NULL,
  expires_ms  BIGINT       NOT NULL,
  ended_ms    BIGINT       NOT NULL,          -- 0 = lives; kept as long as its access tokens could be shown
  label       VARCHAR(80)  NOT NULL,          -- "Firefox on Windows"
  address     VARCHAR(48)  NOT NULL           -- coarse: 192.0.2.0/24, 2001:db8::/48
);
CREATE INDEX IF NOT EXISTS device_account ON device (account_id, ended_ms);     -- the list of devices
CREATE INDEX IF NOT EXISTS device_end ON device (expires_ms);                   -- the keeper's sweep
CREATE INDEX IF NOT EXISTS device_ended ON device (ended_ms);                   -- at start: whose access tokens are refused

-- Single-use tokens of links, most of them in mails.
CREATE TABLE IF NOT EXISTS login_token (
  id          BIGINT       NOT NULL PRIMARY KEY,
  sha         CHAR(64)     NOT NULL UNIQUE,   -- hex SHA-256 of the token
  kind        VARCHAR(16)  NOT NULL,          -- 'confirm', 'reset', 'magic'; 'void' = nobody may use it
  driver      VARCHAR(16)  NOT NULL,
  subject     VARCHAR(254) NOT NULL,
  account_id  BIGINT       NOT NULL,          -- whom it signs in; confirm: the guest who becomes a person, 0 = a new one
  asker_id    BIGINT       NOT NULL,          -- the account that asked for it; only its guest's work moves over
  session_id  BIGINT       NOT NULL,          -- dies with this session; 0 = with none
  secret      VARCHAR(160) NOT NULL,          -- confirm: the hash that the identity will have
  lang        VARCHAR(8)   NOT NULL,
  created_ms  BIGINT       NOT NULL,
  expires_ms  BIGINT       NOT NULL,
  used_ms     BIGINT       NOT NULL
);
CREATE INDEX IF NOT EXISTS login_token_subject ON login_token (driver, subject, kind);   -- a confirmation that is asked for again
CREATE INDEX IF NOT EXISTS login_token_end ON login_token (expires_ms);

-- What somebody agreed to: the version names the words.
CREATE TABLE IF NOT EXISTS consent (
  id          BIGINT       NOT NULL PRIMARY KEY,
  account_id  BIGINT       NOT NULL,
  session_id  BIGINT       NOT NULL,
  kind        VARCHAR(32)  NOT NULL,          -- 'faces'
  version     VARCHAR(32)  NOT NULL,
  lang        VARCHAR(8)   NOT NULL,
  at_ms       BIGINT       NOT NULL
);
CREATE INDEX IF NOT EXISTS consent_account ON consent (account_id, kind);

-- Keys that sign access tokens. The private part is sealed with <data>/master.key: a stolen database signs nothing.
CREATE TABLE IF NOT EXISTS sign_key (
  kid         VARCHAR(32)  NOT NULL PRIMARY KEY,
  sealed      TEXT         NOT NULL,          -- base64url of nonce and sealed JWK
  created_ms  BIGINT       NOT NULL
);

-- Work of a guest that goes to a person. The row stays until no request of the guest can be under way any more.
CREATE TABLE IF NOT EXISTS account_move (
  from_id     BIGINT       NOT NULL PRIMARY KEY,
  to_id       BIGINT       NOT NULL,
  at_ms       BIGINT       NOT NULL,
  next_ms     BIGINT       NOT NULL           -- when to look again
);
CREATE INDEX IF NOT EXISTS account_move_next ON account_move (next_ms);

-- Mails that are to be sent, written in the transaction of their cause.
CREATE TABLE IF NOT EXISTS mail (
  id          BIGINT       NOT NULL PRIMARY KEY,
  to_addr     VARCHAR(254) NOT NULL,
  kind        VARCHAR(32)  NOT NULL,
  lang        VARCHAR(8)   NOT NULL,
  subject     VARCHAR(255) NOT NULL,
  plain       TEXT         NOT NULL,          -- '' once it was sent: there are tokens in it
  html        TEXT         NOT NULL,
  state       VARCHAR(16)  NOT NULL,          -- mail/outbox.c: 'queued', 'sent', 'failed', 'kept'; 'void' = to nobody
  tries       BIGINT       NOT NULL,
  error       VARCHAR(255) NOT NULL,
  created_ms  BIGINT       NOT NULL,
  due_ms      BIGINT       NOT NULL           -- next try
);
CREATE INDEX IF NOT EXISTS mail_next ON mail (state, due_ms);
CREATE INDEX IF NOT EXISTS mail_age ON mail (created_ms);
