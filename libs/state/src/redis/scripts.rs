//! Scripts, run by their hash. A promoted replica does not know them: then the text is sent.

use fred::{
    prelude::{Client, FredResult, LuaInterface},
    types::{FromValue, Value},
};

/// A script's text and its SHA-1, as Redis computed it.
#[derive(Default)]
pub(super) struct Script {
    text: &'static str,
    hash: String,
}

/// Every script.
#[derive(Default)]
pub(super) struct Scripts {
    pub(super) add: Script,
    pub(super) acquire: Script,
    pub(super) renew: Script,
    pub(super) release: Script,
}

impl Scripts {
    /// Loads them on one node; the others learn them when they are first run there.
    pub(super) async fn load(client: &Client) -> FredResult<Self> {
        let load = |text: &'static str| async move {
            Ok::<_, fred::error::Error>(Script { text, hash: client.script_load(text).await? })
        };
        Ok(Self {
            add: load(ADD).await?,
            acquire: load(ACQUIRE).await?,
            renew: load(RENEW).await?,
            release: load(RELEASE).await?,
        })
    }
}

impl Script {
    pub(super) async fn run<T: FromValue>(
        &self,
        client: &Client,
        keys: Vec<String>,
        args: Vec<Value>,
    ) -> FredResult<T> {
        match client.evalsha(self.hash.as_str(), keys.clone(), args.clone()).await {
            Err(error) if error.details().starts_with("NOSCRIPT") => client.eval(self.text, keys, args).await,
            answer => answer,
        }
    }
}

/// Adds facts to a task. Arguments: member and value by turns; a value is 20 digits of precedence and the fact.
/// Of two values of a member the one of higher precedence holds, of equals the one that is there. The version
/// grows by what changed. A script that fails half-way is not undone: it reads first, and writes once, last.
const ADD: &str = "
local best, changed = {}, 0
for i = 1, #ARGV, 2 do
  local member, value = ARGV[i], ARGV[i + 1]
  local there = best[member] or redis.call('HGET', KEYS[1], member)
  if not there or string.sub(value, 1, 20) > string.sub(there, 1, 20) then
    if not best[member] then changed = changed + 1 end
    best[member] = value
  end
end
if changed == 0 then return 0 end
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0') + changed
local fields = {'version', string.format('%.0f', version)}
for member, value in pairs(best) do
  fields[#fields + 1] = member
  fields[#fields + 1] = value
end
redis.call('HSET', KEYS[1], unpack(fields))
return changed
";

/// Takes a lease. Keys: lease, epoch. Arguments: holder, milliseconds. Gives the epoch, or 0: it is held.
/// The epoch comes from the clock where that is ahead: so it grows also when a fail-over lost the last one,
/// and its key may go after an hour. What is kept of an epoch that was given back is negative; an answer is where
/// the one before was not.
const ACQUIRE: &str = "
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local now = redis.call('TIME')
local clock = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local epoch = math.max(math.abs(last) + 1, clock)
local text = string.format('%.0f', epoch)
redis.call('SET', KEYS[2], text, 'PX', 3600000 + tonumber(ARGV[2]))
redis.call('SET', KEYS[1], text .. '/' .. ARGV[1], 'NX', 'PX', ARGV[2])
if last > 0 then return -epoch end
return epoch
";

/// Prolongs a lease that is still this one. Arguments: epoch/holder, milliseconds.
const RENEW: &str = "
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
";

/// Gives back a lease that is still this one. Keys: lease, epoch. Arguments: epoch/holder, epoch.
const RELEASE: &str = "
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], '-' .. ARGV[2], 'PX', 3600000)
return redis.call('DEL', KEYS[1])
";
