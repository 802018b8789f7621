-- POSTs a whole file of ballots, one a line.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "report.lua")
wanted = 202

local file = assert(io.open(os.getenv("BALLOTS"), "rb"))
wrk.method = "POST"
wrk.path = "/votes"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "application/x-ndjson"
file:close()
