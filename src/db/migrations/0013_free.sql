-- 0013_free.sql. Why: what is given away each day is counted by the database itself, so that two requests at once, or two servers, cannot take one
-- picture twice. One row is one of the day's places of one account, device or network; whoever has none left finds no row to make.

CREATE TABLE IF NOT EXISTS shop_free (
  day      BIGINT      NOT NULL,           -- days since 1970, shifted by shop.day_offset_h
  kind     VARCHAR(8)  NOT NULL,           -- 'account', 'device', 'net'
  subject  VARCHAR(64) NOT NULL,           -- the account's id; a device and a network only as a MAC by a key of this server
  slot     BIGINT      NOT NULL,           -- 0, 1, ... below what is free a day
  task_id  BIGINT      NOT NULL,           -- that took it; a place whose task failed or was cancelled may be taken again
  PRIMARY KEY (day, kind, subject, slot)
);
