-- user.lua - one user of `fcgi-host load`, for wrk: a thread, one connection.
--
-- What is sent when lies in a folder (load_plan.c says why): "begin", the
-- monotonic clock's microseconds at time 0; for each user its route, whether it
-- asks again as soon as it can, and when it is to stop, then a line for each
-- time a request is due; for each route the bytes of a request.  For each
-- request that has ended a line goes into "lines", a FIFO: user, sent, end,
-- status.  Nothing is decided here.

local ffi = require("ffi")
ffi.cdef [[
	struct fh_time { long seconds, nanoseconds; };
	int clock_gettime(int, struct fh_time *);
	int clock_nanosleep(int, int, const struct fh_time *, void *);
	int open(const char *, int, ...);
	long write(int, const void *, unsigned long);
]]

local MONOTONIC, ABSOLUTE = 1, 1
local HOUR_MS = 3600000
local EARLY_MS = 2	-- wrk's timers are of whole milliseconds
local WRITE_ONLY = 1
local time = ffi.new("struct fh_time")
local folder = os.getenv("FCGI_HOST_LOAD")
local users, opened = 0
local begin, plan, loop, stop, text	-- of this user
local due, sent

-- wrk has room for three descriptors a connection, and a user needs two: so all
-- share one for what they tell.
function setup(thread)
	opened = opened or ffi.C.open(folder .. "/lines", WRITE_ONLY)
	assert(opened >= 0)
	thread:set("user", users)
	thread:set("lines", opened)
	users = users + 1
end

local function now()
	ffi.C.clock_gettime(MONOTONIC, time)
	return tonumber(time.seconds) * 1e6 +
	    math.floor(tonumber(time.nanoseconds) / 1000) - begin
end

local function sleep_until(at)
	at = at + begin
	time.seconds = math.floor(at / 1e6)
	time.nanoseconds = (at - math.floor(at / 1e6) * 1e6) * 1000
	ffi.C.clock_nanosleep(MONOTONIC, ABSOLUTE, time, nil)
end

local function read_all(name)
	local file = assert(io.open(folder .. "/" .. name, "rb"))
	local bytes = file:read("*a")

	file:close()
	return bytes
end

function init()
	begin = tonumber(read_all("begin"))
	plan = read_all("user." .. user):gmatch("%d+")
	text = read_all("request." .. plan())
	loop = plan() == "1"
	stop = tonumber(plan())
end

-- One write: lines of several users do not mix.
local function put(from, to, status)
	local line = string.format("%d %d %d %d\n", user, from, to, status)

	ffi.C.write(lines, line, #line)
end

local function tell(status)
	put(sent, now(), status)
	sent, due = nil, nil
end

-- When the next one is due; nil: none is any more.
local function next_due()
	if not loop then
		local at = plan()

		return at and tonumber(at)
	end
	local at = math.max(now(), 0)

	return at < stop and at or nil
end

-- A user without a plan asks no more.
local function tell_done()
	local at = math.max(now(), 0)

	put(at, at, 1)
	loop = false
end

-- Before each request, and on each new connection: how long to wait, in
-- milliseconds.  What was sent and has no reply went with its connection.
function delay()
	if sent then
		tell(0)
	end
	due = due or next_due()
	if not due then
		if loop then
			tell_done()
		end
		return HOUR_MS
	end
	return math.max(0, math.floor((due - now()) / 1000) - EARLY_MS)
end

-- wrk asks once before it begins, to see what a request is like: nothing is due.
function request()
	if due then
		if due > now() then
			sleep_until(due)
		end
		sent = math.max(now(), due)
	end
	return text
end

function response(status)
	if sent then
		tell(status)
	end
end
