-- 0019_pay.sql. Why: the difference of an upgrade is a payment of its own, between two periods; test money charges it as a real provider does.

ALTER TABLE pay_test ADD COLUMN parts BIGINT NOT NULL DEFAULT 0;          -- differences charged so far within this period
ALTER TABLE pay_test ADD COLUMN part_minor BIGINT NOT NULL DEFAULT 0;     -- the newest; 0 = the newest payment is that of the period
ALTER TABLE pay_test ADD COLUMN total_minor BIGINT NOT NULL DEFAULT 0;    -- all that was ever paid by this number
