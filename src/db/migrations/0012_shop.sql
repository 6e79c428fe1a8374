-- 0012_shop.sql. Why: what somebody buys with real money. The provider's word and ours may part for a while (a lost notice, a crash between the two);
-- so an order is a row before the provider hears of it, and it is asked about until both agree.

CREATE TABLE IF NOT EXISTS shop_order (
  id              BIGINT       NOT NULL PRIMARY KEY,      -- as text it is the payment's number at the provider, for all time
  account_id      BIGINT       NOT NULL,
  product         VARCHAR(32)  NOT NULL,
  plan            VARCHAR(32)  NOT NULL,          -- studio.h
  kind            VARCHAR(16)  NOT NULL,          -- of the plan, then
  title           VARCHAR(256) NOT NULL,          -- as the payer read it
  provider        VARCHAR(16)  NOT NULL,          -- '' = nothing had to be paid
  scene           VARCHAR(16)  NOT NULL,          -- pay.h, enum pay_scene; the newest start's
  currency        CHAR(3)      NOT NULL,          -- ISO 4217
  list_minor      BIGINT       NOT NULL,          -- the plan's price, then
  off_minor       BIGINT       NOT NULL,          -- what a code took off it
  price_minor     BIGINT       NOT NULL,          -- to be paid
  credits         BIGINT       NOT NULL,          -- that it brings
  valid_ms        BIGINT       NOT NULL,          -- how long they and what one may do last
  state           VARCHAR(16)  NOT NULL,          -- shop/order.h, enum shop_state
  trouble         VARCHAR(32)  NOT NULL,          -- '' = none; else why a person must look at it, order.h
  attempt         BIGINT       NOT NULL,          -- pay.h, pay_ask.attempt
  started_ms      BIGINT       NOT NULL,          -- the provider may know of it since; 0 = surely not
  provider_ref    VARCHAR(255) NOT NULL,          -- what the provider calls it, '' = not told
  transaction_ref VARCHAR(255) NOT NULL,
  customer        VARCHAR(255) NOT NULL,          -- the payer at the provider
  fee_minor       BIGINT       NOT NULL,
  refunded_minor  BIGINT       NOT NULL,          -- booked; with refunds under way
  disputed        SMALLINT     NOT NULL,          -- 1: somebody asked a bank for the money back
  asks            BIGINT       NOT NULL,          -- how often the provider was asked about it
  asked_ms        BIGINT       NOT NULL,          -- when it was asked last; 0 = never
  ask_ms          BIGINT       NOT NULL,          -- when it is asked next; 0 = never
  created_ms      BIGINT       NOT NULL,
  until_ms        BIGINT       NOT NULL,          -- can be paid until then
  paid_ms         BIGINT       NOT NULL,          -- 0 = not paid
  ends_ms         BIGINT       NOT NULL,          -- what one may do by it ends then; 0 = not paid
  CHECK (price_minor >= 0),
  CHECK (off_minor >= 0),
  CHECK (list_minor = price_minor + off_minor),
  CHECK (fee_minor >= 0),
  CHECK (fee_minor <= price_minor),
  CHECK (refunded_minor >= 0),
  CHECK (refunded_minor <= price_minor),
  CHECK (state <> 'paid' OR paid_ms > 0)
);
CREATE INDEX IF NOT EXISTS shop_order_of ON shop_order (account_id, id);                  -- somebody's list
CREATE INDEX IF NOT EXISTS shop_order_may ON shop_order (account_id, state, ends_ms);     -- what somebody may do now
CREATE INDEX IF NOT EXISTS shop_order_ref ON shop_order (provider_ref);                   -- notices that carry no number of ours
CREATE INDEX IF NOT EXISTS shop_order_transaction ON shop_order (transaction_ref);        -- the same
CREATE INDEX IF NOT EXISTS shop_order_ask ON shop_order (ask_ms);                         -- what the cashier asks next

CREATE TABLE IF NOT EXISTS shop_refund (
  id              BIGINT       NOT NULL PRIMARY KEY,      -- as text its number at the provider
  order_id        BIGINT       NOT NULL REFERENCES shop_order (id),
  money_minor     BIGINT       NOT NULL,
  credits         BIGINT       NOT NULL,          -- taken back with it
  cause           VARCHAR(16)  NOT NULL,          -- order.h, enum shop_cause
  reason          VARCHAR(400) NOT NULL,          -- as the person or the operator wrote it
  by_account      BIGINT       NOT NULL,          -- who asked; 0 = the provider
  state           VARCHAR(16)  NOT NULL,          -- pay.h, enum pay_refund_state, and 'asked': an operator decides
  detail          VARCHAR(400) NOT NULL,          -- why it did not work
  provider_ref    VARCHAR(255) NOT NULL,
  attempt         BIGINT       NOT NULL,
  asks            BIGINT       NOT NULL,
  ask_ms          BIGINT       NOT NULL,          -- when the cashier calls next; 0 = never
  created_ms      BIGINT       NOT NULL,
  done_ms         BIGINT       NOT NULL,          -- 0 = not over
  CHECK (money_minor >= 0),
  CHECK (credits >= 0)
);
CREATE INDEX IF NOT EXISTS shop_refund_of ON shop_refund (order_id, id);
CREATE INDEX IF NOT EXISTS shop_refund_ask ON shop_refund (ask_ms);
CREATE INDEX IF NOT EXISTS shop_refund_state ON shop_refund (state, id);                  -- the operator's list
