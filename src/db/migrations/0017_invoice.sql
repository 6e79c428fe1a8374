-- 0017_invoice.sql. Why: a payer may want an invoice, which a person (or another program) writes; what they asked for must not be lost in a mailbox.

CREATE TABLE IF NOT EXISTS shop_invoice (
  order_id    BIGINT       NOT NULL PRIMARY KEY REFERENCES shop_order (id),
  account_id  BIGINT       NOT NULL,
  title       VARCHAR(200) NOT NULL,          -- to whom it is made out
  tax_no      VARCHAR(64)  NOT NULL,          -- '' = a private person
  email       VARCHAR(254) NOT NULL,          -- where it goes to
  state       VARCHAR(16)  NOT NULL,          -- 'asked', 'sent', 'refused'
  note        VARCHAR(400) NOT NULL,          -- its number, or why not
  created_ms  BIGINT       NOT NULL,
  done_ms     BIGINT       NOT NULL           -- 0 = not yet
);
CREATE INDEX IF NOT EXISTS shop_invoice_state ON shop_invoice (state, order_id);      -- the operator's list
CREATE INDEX IF NOT EXISTS shop_invoice_of ON shop_invoice (account_id);              -- when a guest becomes a person
