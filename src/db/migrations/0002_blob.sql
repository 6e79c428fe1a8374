-- 0002_blob.sql. Why: stored bytes need an owner, a class and an end; uploads on their way in need an offset that survives a crash.

-- One row for each use of stored bytes. Several rows may name one file: the file is <class>/<account>/<sha>, see blob/store.h.
CREATE TABLE IF NOT EXISTS asset (
  id           BIGINT       NOT NULL PRIMARY KEY,
  account_id   BIGINT       NOT NULL,
  class        VARCHAR(16)  NOT NULL,          -- blob/blob.h, enum blob_class
  sha          VARCHAR(64)  NOT NULL,          -- SHA-256 of the bytes, lower-case hex
  bytes        BIGINT       NOT NULL CHECK (bytes >= 0),
  media_type   VARCHAR(127) NOT NULL,
  role         VARCHAR(32)  NOT NULL,          -- what it is to its owner: photo, working, thumb, candidate ...
  parent_id    BIGINT       NOT NULL,          -- the asset it was made from; 0 = none
  width        BIGINT       NOT NULL,          -- pixels; 0 = not a picture
  height       BIGINT       NOT NULL,
  facts        TEXT         NOT NULL,          -- JSON object or ''
  consent_ms   BIGINT       NOT NULL,          -- 0 = not asked
  created_ms   BIGINT       NOT NULL,
  delete_at_ms BIGINT       NOT NULL           -- 0 = until its owner deletes it
);
-- "Does any row still name this file?", asked by the reaper for each file.
CREATE INDEX IF NOT EXISTS asset_file ON asset (account_id, class, sha);
-- blob_asset_child and the deletion of a family.
CREATE INDEX IF NOT EXISTS asset_parent ON asset (parent_id, role);
-- The reaper's list of what has come to its end.
CREATE INDEX IF NOT EXISTS asset_end ON asset (delete_at_ms);

-- A resumable upload; its bytes are upload/<id>. bytes_done only ever names bytes that were fdatasynced before the row said so.
CREATE TABLE IF NOT EXISTS upload (
  id           BIGINT        NOT NULL PRIMARY KEY,
  account_id   BIGINT        NOT NULL,
  bytes_total  BIGINT        NOT NULL,
  bytes_done   BIGINT        NOT NULL,
  name         VARCHAR(255)  NOT NULL,         -- as the client says; shown, never used as a path
  media_type   VARCHAR(127)  NOT NULL,         -- as the client says; the content is sniffed later
  metadata     VARCHAR(4096) NOT NULL,         -- Upload-Metadata as sent, to be answered by HEAD
  created_ms   BIGINT        NOT NULL,
  expires_ms   BIGINT        NOT NULL,
  CHECK (bytes_done >= 0 AND bytes_done <= bytes_total)
);
-- How many uploads, and how many bytes, an account has open.
CREATE INDEX IF NOT EXISTS upload_account ON upload (account_id);
CREATE INDEX IF NOT EXISTS upload_end ON upload (expires_ms);
