-- 0011_pay.sql. Why: test money lets every flow of paying run with no account anywhere; what its provider knows must survive a restart, as a
-- real one's does. No real payment is ever in here.

CREATE TABLE IF NOT EXISTS pay_test (
  number          VARCHAR(32)  NOT NULL PRIMARY KEY,
  state           VARCHAR(16)  NOT NULL,          -- pay.h, enum pay_state
  minor           BIGINT       NOT NULL,          -- minor units of currency; of a membership, per period
  currency        CHAR(3)      NOT NULL,          -- ISO 4217
  title           VARCHAR(256) NOT NULL,
  return_url      VARCHAR(1000) NOT NULL,
  cancel_url      VARCHAR(1000) NOT NULL,
  until_ms        BIGINT       NOT NULL,          -- 0 = no limit
  created_ms      BIGINT       NOT NULL,
  paid_ms         BIGINT       NOT NULL,          -- 0 = not paid; of a membership, the newest period's
  disputed        BIGINT       NOT NULL,          -- 0, 1
  months          BIGINT       NOT NULL,          -- 0 = paid once
  period          BIGINT       NOT NULL,          -- paid periods of a membership so far
  period_start_ms BIGINT       NOT NULL,
  period_end_ms   BIGINT       NOT NULL,
  member_state    VARCHAR(16)  NOT NULL,          -- pay.h, enum pay_member_state
  ends            BIGINT       NOT NULL,          -- 1 = not to be renewed
  CHECK (minor > 0)
);

CREATE TABLE IF NOT EXISTS pay_test_refund (
  number          VARCHAR(32)  NOT NULL PRIMARY KEY,
  payment         VARCHAR(32)  NOT NULL,
  minor           BIGINT       NOT NULL,
  state           VARCHAR(16)  NOT NULL,          -- pay.h, enum pay_refund_state
  created_ms      BIGINT       NOT NULL,
  CHECK (minor > 0)
);
CREATE INDEX IF NOT EXISTS pay_test_refund_payment ON pay_test_refund (payment, created_ms);     -- how much was given back
