"""
The Lua script that keeps the counts of a `RedisLimiter`; Redis runs it in one step.

No other limiter for Redis that we know supports a token limit. pyrate-limiter (4.5) and
limits (5.8) use the clocks of their clients, store one entry for each token, check one
window at a time, and can neither give back a part of an estimate nor pause all
processes.

The clock is that of the Redis server, in whole microseconds. The arguments are those of
`arguments`, and the results those of `Reply`.
"""

from __future__ import annotations

import json

from typing import Any, Self

from attrs import frozen


__all__ = ["KEYS", "MICRO", "SCRIPT", "Reply", "arguments"]

# Microseconds in a second.
MICRO = 1_000_000

# One Redis key for each data structure of the script, in the script's order.
KEYS = (
    *("minute", "day", "tokens", "amounts"),
    *("leases", "queue", "tickets", "needs", "state"),
)

SCRIPT = """
local MINUTE, DAY, TOKENS, AMOUNTS = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local LEASES, QUEUE, TICKETS = KEYS[5], KEYS[6], KEYS[7]
local NEEDS, STATE = KEYS[8], KEYS[9]
local call, todo = redis.call, cjson.decode(ARGV[1])
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local minute, day = todo.minute, todo.day

local function text(number) return string.format('%.0f', number) end
local function state(name) return tonumber(call('HGET', STATE, name) or 0) end
local function set(name, value) call('HSET', STATE, name, value) end
local function pause(seconds)
  set('pause', text(math.max(state('pause'), now + seconds)))
end

-- Entries stay for the whole window, and go if a clock was set back behind them.
local function expire(key, window)
  call('ZREMRANGEBYSCORE', key, '-inf', '(' .. text(now - window))
  call('ZREMRANGEBYSCORE', key, '(' .. text(now + window), '+inf')
end

local function count(id, amount)
  call('ZADD', TOKENS, text(now), id)
  call('HSET', AMOUNTS, id, amount)
  call('HINCRBY', STATE, 'total', amount)
end

local function correct(id, amount)
  local old = call('HGET', AMOUNTS, id)
  if old then
    call('HINCRBY', STATE, 'total', amount - old)
    call('HSET', AMOUNTS, id, amount)
  end
  return old
end

-- What was used beyond the estimate counts from now on if the estimate has expired.
local function settle(id, estimated, used)
  if not correct(id, used) and todo.tpm and used > estimated then
    count(id, used - estimated)
  end
end

local function forget(id)
  correct(id, 0)
  call('ZREM', TOKENS, id)
  call('HDEL', AMOUNTS, id)
end

local function leave(id)
  call('ZREM', QUEUE, id)
  call('ZREM', TICKETS, id)
  call('HDEL', NEEDS, id)
end

-- A client that knows of more permits than the state does, or of another state, says
-- that Redis has lost counts. Until a window has passed, nothing is known.
local epoch = call('HGET', STATE, 'epoch')
if not epoch then
  epoch = todo.fresh
  set('epoch', epoch)
end
local lost = todo.epoch and epoch ~= todo.epoch
  and call('HGET', STATE, 'before') ~= todo.epoch
if lost then set('before', todo.epoch) end
if todo.epoch == epoch and todo.serial > state('serial') then
  set('serial', todo.serial)
  lost = true
end
if lost then pause(minute) end

expire(MINUTE, minute)
expire(DAY, day)
for _, id in ipairs(call('ZRANGEBYSCORE', TOKENS, '-inf', '(' .. text(now - minute))) do
  forget(id)
end
for _, id in ipairs(call('ZRANGEBYSCORE', TOKENS, '(' .. text(now + minute), '+inf')) do
  forget(id)
end
for _, id in ipairs(call('ZRANGEBYSCORE', TICKETS, '-inf', text(now))) do leave(id) end

for _, ended in ipairs(todo.ended) do
  call('ZREM', LEASES, ended.id)
  local pace = tonumber(call('HGET', STATE, 'pace') or 1)
  if ended.undo then
    call('ZREM', MINUTE, ended.id)
    call('ZREM', DAY, ended.id)
    forget(ended.id)
    leave(ended.id)
  elseif ended.used then
    settle(ended.id, ended.tokens, ended.used)
    if ended.used > 0 then set('pace', tostring(math.min(1, pace * 1.1))) end
  end
  if ended.refused then
    correct(ended.id, 0)
    set('pace', tostring(math.max(0.0625, pace / 2)))
    pause(ended.pause)
  end
end
call('ZREMRANGEBYSCORE', LEASES, '-inf', text(now))
for _, id in ipairs(todo.renewed) do
  call('ZADD', LEASES, 'XX', text(now + todo.lease), id)
end

local pace = tonumber(call('HGET', STATE, 'pace') or 1)

-- Microseconds until *count* more entries fit into a window of requests.
local function requests_wait(key, limit, window, count)
  if not limit then return 0 end
  local used = call('ZCARD', key)
  local over = used + count - math.max(1, limit)
  if over <= 0 or used == 0 then return 0 end
  local at = math.min(over, used) - 1
  return call('ZRANGE', key, at, at, 'WITHSCORES')[2] + window + 1 - now
end

-- Microseconds until *amount* tokens fit; more than the limit wait until none count.
local function tokens_wait(amount)
  if not todo.tpm then return 0 end
  local total, first, last = state('total'), 0, nil
  local over = math.min(total + amount - todo.tpm, total)
  while over > 0 do
    local page = call('ZRANGE', TOKENS, first, first + 99, 'WITHSCORES')
    if #page == 0 then break end
    for at = 1, #page, 2 do
      last = page[at + 1]
      over = over - (call('HGET', AMOUNTS, page[at]) or 0)
      if over <= 0 then break end
    end
    first = first + 100
  end
  return last and last + minute + 1 - now or 0
end

local function take(id, tokens)
  call('ZADD', MINUTE, text(now), id)
  if todo.rpd then call('ZADD', DAY, text(now), id) end
  if todo.tpm then count(id, tokens) end
  if todo.most then call('ZADD', LEASES, text(now + todo.lease), id) end
  call('HINCRBY', STATE, 'serial', 1)
  leave(id)
end

-- A client whose ticket has expired comes back to its place, with its old number.
local function queue(ask)
  local number = call('ZSCORE', QUEUE, ask.id) or ask.number
    or call('HINCRBY', STATE, 'number', 1)
  call('ZADD', QUEUE, number, ask.id)
  call('HSET', NEEDS, ask.id, ask.tokens)
  local ahead, tokens = 0, 0
  for _, id in ipairs(call('ZRANGE', QUEUE, 0, -1)) do
    if id == ask.id then break end
    ahead = ahead + 1
    tokens = tokens + (call('HGET', NEEDS, id) or 0)
  end
  return tonumber(number), ahead, tokens
end

local granted, wait, number, poll = 0, 0, 0, 0
local ask = todo.ask
if ask and call('ZSCORE', MINUTE, ask.id) then
  granted = 1
elseif ask then
  local ahead, tokens
  number, ahead, tokens = queue(ask)
  local rpm = todo.rpm and math.floor(todo.rpm * pace)
  local by_tokens = tokens_wait(tokens + ask.tokens)
  wait = math.max(state('pause') - now, by_tokens,
    requests_wait(MINUTE, rpm, minute, ahead + 1),
    requests_wait(DAY, todo.rpd, day, ahead + 1), 0)
  -- A call may go before those ahead of it if enough is left for them. In an empty
  -- window there is no moment to wait for, but maybe not enough for all.
  local full = todo.most and call('ZCARD', LEASES) + ahead >= todo.most
  if ahead > 0 then
    full = full or rpm and ahead >= math.max(1, rpm)
      or todo.rpd and ahead >= todo.rpd
      or todo.tpm and tokens + ask.tokens > todo.tpm
  end
  if wait == 0 and not full then
    take(ask.id, ask.tokens)
    granted = 1
  else
    -- Tokens and leases may be given back before the known moment.
    wait = math.min(wait, by_tokens > 0 and todo.soon or todo.look)
    poll = wait == 0 and 1 or 0
    call('ZADD', TICKETS, text(now + wait + todo.grace), ask.id)
  end
end

local kept = text(2 * minute / 1000)
for _, key in ipairs(KEYS) do call('PEXPIRE', key, kept) end
if todo.rpd then
  for _, key in ipairs({DAY, STATE}) do call('PEXPIRE', key, text(day / 1000)) end
elseif state('pause') > now then
  call('PEXPIRE', STATE, text((state('pause') - now) / 1000 + 2 * minute / 1000))
end
return {
  granted, text(now), text(wait), poll, text(number), epoch, text(state('serial'))
}
"""


@frozen
class Reply:
    """
    The reply of the script.

    Attributes:
        granted: Whether the attempt may be sent.
        now: Redis's clock, in seconds since 1970.
        wait: Seconds after which to ask again; 0 if the attempt may be sent.
        unknown: Whether *wait* is only a guess, because other calls have to end first.
        number: The place in the queue, to be passed when asking again.
        epoch: A random name that Redis gets with its first count; another name means
            that Redis has lost its counts.
        serial: How many attempts Redis has allowed since it has had this *epoch*.
    """

    granted: bool
    now: float
    wait: float
    unknown: bool
    number: int
    epoch: str
    serial: int

    @classmethod
    def of(cls, parts: list[Any]) -> Self:
        """Return the reply that the script returned as *parts*."""
        granted, now, wait, poll, number, epoch, serial = parts
        epoch = epoch.decode() if isinstance(epoch, bytes) else epoch
        return cls(
            granted == 1,
            int(now) / MICRO,
            int(wait) / MICRO,
            poll == 1,
            int(number),
            epoch,
            int(serial),
        )


def arguments(**values: Any) -> str:
    """Return the script's argument, without the values that are None."""
    return json.dumps({name: v for name, v in values.items() if v is not None})
