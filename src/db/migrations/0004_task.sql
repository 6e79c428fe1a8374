-- 0004_task.sql. Why: tasks, the calls made for them, what came of it, and who is next.

CREATE TABLE IF NOT EXISTS task (
  id              BIGINT       NOT NULL PRIMARY KEY,
  account_id      BIGINT       NOT NULL,
  recipe          VARCHAR(64)  NOT NULL,
  recipe_version  BIGINT       NOT NULL,
  template        VARCHAR(64)  NOT NULL,     -- '' when the backdrop is a photo
  backdrop_asset  BIGINT       NOT NULL,     -- 0 when it is a template
  asked           SMALLINT     NOT NULL,     -- candidates
  price           BIGINT       NOT NULL,     -- credits, held until the task is decided
  params          TEXT         NOT NULL,     -- JSON object, over the recipe's
  weight          SMALLINT     NOT NULL,
  created_ms      BIGINT       NOT NULL,
  turn            BIGINT       NOT NULL,     -- task/turn.c: virtual start time; the smallest is next
  -- the terms it was bought under; a recipe may change meanwhile
  need            SMALLINT     NOT NULL,     -- candidates below which it fails
  limit_ms        BIGINT       NOT NULL,     -- from its first lease to its deadline
  choose_ms       BIGINT       NOT NULL,     -- how long the owner may choose
  keep_inputs_ms  BIGINT       NOT NULL,
  keep_outputs_ms BIGINT       NOT NULL,
  -- all below changes, by one statement (task/row.c)
  state           VARCHAR(16)  NOT NULL,     -- task/state.c
  engine          VARCHAR(32)  NOT NULL,     -- in whose line it stands
  in_line         SMALLINT     NOT NULL,     -- 1: may be claimed; 0: leased, or over
  fence           BIGINT       NOT NULL,     -- number of the newest lease; every write of a worker names it
  lease_until_ms  BIGINT       NOT NULL,     -- 0: nobody works on it
  claims          BIGINT       NOT NULL,     -- how often it was leased
  seq             BIGINT       NOT NULL,     -- of its newest event
  progress_seq    BIGINT       NOT NULL,     -- of its one progress event, 0 when there is none
  progress_pm     SMALLINT     NOT NULL,     -- 0..1000
  delivered       SMALLINT     NOT NULL,     -- candidates the owner may choose from
  given_free      SMALLINT     NOT NULL,     -- 1: failed and paid back, then a late result came
  picked          SMALLINT     NOT NULL,     -- candidate, -1 when none
  error_code      VARCHAR(64)  NOT NULL,     -- base/reasons.def; '' when none
  error_text      VARCHAR(255) NOT NULL,
  started_ms      BIGINT       NOT NULL,     -- first lease; 0 before
  ended_ms        BIGINT       NOT NULL,     -- decided: choosing, failed, cancelled; 0 before
  deadline_ms     BIGINT       NOT NULL,
  alarm_ms        BIGINT       NOT NULL      -- when somebody must look: deadline, or end of choosing; 0 = never
);
CREATE INDEX IF NOT EXISTS task_line_next ON task (in_line, engine, turn, id);    -- who is next, and the place in line
CREATE INDEX IF NOT EXISTS task_of_account ON task (account_id, id);              -- the owner's list
CREATE INDEX IF NOT EXISTS task_alarm ON task (alarm_ms);
CREATE INDEX IF NOT EXISTS task_lease ON task (lease_until_ms);                   -- leases that ran out
CREATE INDEX IF NOT EXISTS task_state ON task (state);                            -- metrics, recovery

CREATE TABLE IF NOT EXISTS task_input (
  task_id         BIGINT       NOT NULL,
  ix              SMALLINT     NOT NULL,     -- person 0, 1, ...
  asset_id        BIGINT       NOT NULL,
  face            SMALLINT     NOT NULL,     -- which face of the photo
  PRIMARY KEY (task_id, ix)
);
CREATE INDEX IF NOT EXISTS task_input_asset ON task_input (asset_id);

CREATE TABLE IF NOT EXISTS attempt (
  id              BIGINT       NOT NULL PRIMARY KEY,
  task_id         BIGINT       NOT NULL,
  fence           BIGINT       NOT NULL,     -- the lease it was made under
  op              VARCHAR(32)  NOT NULL,
  ix              SMALLINT     NOT NULL,     -- person or candidate
  engine          VARCHAR(32)  NOT NULL,
  state           VARCHAR(16)  NOT NULL,     -- task/attempt.c
  remote_id       VARCHAR(128) NOT NULL,
  seed            BIGINT       NOT NULL,
  variant         SMALLINT     NOT NULL,
  asset_id        BIGINT       NOT NULL,     -- what was stored, 0 when nothing
  cost_microusd   BIGINT       NOT NULL,
  error_code      VARCHAR(64)  NOT NULL,
  error_text      VARCHAR(255) NOT NULL,
  created_ms      BIGINT       NOT NULL,
  updated_ms      BIGINT       NOT NULL,
  ask_ms          BIGINT       NOT NULL      -- unknown, of a decided task: when to ask again; 0 = the task's worker asks, or nobody
);
CREATE INDEX IF NOT EXISTS attempt_of_task ON attempt (task_id, id);
CREATE INDEX IF NOT EXISTS attempt_open ON attempt (state);                       -- recovery
CREATE INDEX IF NOT EXISTS attempt_ask ON attempt (ask_ms);

CREATE TABLE IF NOT EXISTS candidate (
  task_id         BIGINT       NOT NULL,
  ix              SMALLINT     NOT NULL,
  attempt_id      BIGINT       NOT NULL,
  asset_id        BIGINT       NOT NULL,
  seed            BIGINT       NOT NULL,
  variant         SMALLINT     NOT NULL,
  width           BIGINT       NOT NULL,     -- px
  height          BIGINT       NOT NULL,
  verdict         SMALLINT     NOT NULL,     -- -1 not looked at, 0 broken, 1 fine
  score_pm        BIGINT       NOT NULL,     -- 0..1000
  place           SMALLINT     NOT NULL,     -- 1 = best, from choosing on; 0 before
  report          TEXT         NOT NULL,     -- JSON that compose gave out, for the check
  scores          TEXT         NOT NULL,     -- JSON of the check
  created_ms      BIGINT       NOT NULL,
  PRIMARY KEY (task_id, ix)
);

CREATE TABLE IF NOT EXISTS task_event (
  task_id         BIGINT       NOT NULL,
  seq             BIGINT       NOT NULL,     -- given out in the commit: a reader that saw n has seen all before
  kind            VARCHAR(16)  NOT NULL,     -- "state", "candidate", "progress", "unknown"
  data            TEXT         NOT NULL,     -- JSON object
  at_ms           BIGINT       NOT NULL,
  PRIMARY KEY (task_id, seq)
);

-- Fair turns (task/turn.c): where each account's last task ends in virtual time, and how many it has open.
CREATE TABLE IF NOT EXISTS task_account (
  account_id      BIGINT       NOT NULL PRIMARY KEY,
  finish          BIGINT       NOT NULL,
  open_tasks      BIGINT       NOT NULL,     -- in the first four states
  CHECK (open_tasks >= 0)
);
CREATE TABLE IF NOT EXISTS task_clock (
  id              SMALLINT     NOT NULL PRIMARY KEY,
  vtime           BIGINT       NOT NULL      -- turn of the newest task that was claimed
);
-- Written so that running it twice does no harm.
INSERT INTO task_clock (id, vtime) SELECT 1, 0 FROM (SELECT COUNT(*) AS n FROM task_clock) c WHERE c.n = 0;
