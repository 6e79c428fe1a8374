-- 0023_shop_surplus.sql. Why: a second payment of one order is nobody's: it is booked nowhere and goes back by itself, where its provider gives back by
-- transaction. So the call needs a row before it is made, and a number of its own.

CREATE TABLE IF NOT EXISTS shop_surplus (
  id              BIGINT       NOT NULL PRIMARY KEY,      -- as text of a refund its number at the provider
  order_id        BIGINT       NOT NULL REFERENCES shop_order (id),
  transaction_ref VARCHAR(255) NOT NULL,          -- what the provider calls that payment
  minor           BIGINT       NOT NULL,          -- all that came by it
  currency        CHAR(3)      NOT NULL,          -- ISO 4217; perhaps not the order's
  state           VARCHAR(16)  NOT NULL,          -- pay.h, enum pay_refund_state
  detail          VARCHAR(400) NOT NULL,          -- why it did not work
  provider_ref    VARCHAR(255) NOT NULL,
  attempt         BIGINT       NOT NULL,
  asks            BIGINT       NOT NULL,
  ask_ms          BIGINT       NOT NULL,          -- when the cashier calls next; 0 = never
  created_ms      BIGINT       NOT NULL,
  done_ms         BIGINT       NOT NULL,          -- 0 = not over
  UNIQUE (order_id, transaction_ref),             -- once, however often it is told
  CHECK (minor > 0)
);
CREATE INDEX IF NOT EXISTS shop_surplus_ask ON shop_surplus (ask_ms);
