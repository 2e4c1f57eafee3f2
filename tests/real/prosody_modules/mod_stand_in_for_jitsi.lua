-- A STAND-IN for Jitsi's own plugins, for tests. It is not Jitsi's code, and no server of anybody runs it.
--
-- On Debian's Prosody it does, in the wire format of the originals, what they do around a reservation:
--   mod_auth_token, mod_token_verification  a token (HS256) lets in, and into the room that it names only
--   mod_token_affiliation                   its context.user.moderator makes owner and moderator
--   mod_reservations                        asks our endpoint before a room is made, and tells it when the room is gone
--   event_sync (jitsi-contrib)              posts rooms and occupants that come and go
--   mod_muc_size, _census, _end_meeting     what our client of Prosody's HTTP asks
-- Differences: the token comes as the trace of SASL ANONYMOUS (RFC 4505), for plain XMPP has no address with a query;
-- there is no Jicofo, so this module makes the room itself and holds it for `stand_in_patience` seconds.
--
-- Loaded on the virtual host it is the authentication and the focus, on the MUC component the rest.

local array = require "util.array";
local base64 = require "util.encodings".base64;
local cjson = require "cjson.safe";  -- what Jitsi's plugins use: on Lua 5.4 a JSON number becomes a float
local datetime = require "util.datetime";
local hmac = require "openssl.hmac";
local http = require "net.http";
local jid = require "util.jid";
local new_sasl = require "util.sasl".new;
local st = require "util.stanza";
local urlencode, formencode = require "util.http".urlencode, require "util.http".formencode;
local formdecode = require "util.http".formdecode;
local uuid = require "util.uuid".generate;

local FOCUS = "http://jitsi.org/protocol/focus";
local domain = module:get_option_string("stand_in_domain");
local rooms_domain = "conference." .. domain;
local app_id = module:get_option_string("stand_in_app_id");
local app_secret = module:get_option_string("stand_in_app_secret");
local api = module:get_option_string("stand_in_api");
local token = module:get_option_string("stand_in_api_token");
local timeout = module:get_option_number("stand_in_timeout", 20);
local retries = module:get_option_number("stand_in_retries", 3);
local retry_delay = module:get_option_number("stand_in_retry_delay", 3);
local remembered = module:get_option_number("stand_in_remembered", 30);
local sweep = module:get_option_number("stand_in_sweep", 60);
local patience = module:get_option_number("stand_in_patience", 15);

-- Tokens ---------------------------------------------------------------------------------------------------------

local function from_base64url(text)
	local padded = text:gsub("-", "+"):gsub("_", "/");
	return base64.decode(padded .. ("="):rep(-#padded % 4));
end

-- Return the claims, or nil, the SASL condition and the reason, in the words of the originals.
local function verify(text)
	local head, body, signature = (text or ""):match("^([%w_-]+)%.([%w_-]+)%.([%w_-]+)$");
	if not head then return nil, "not-allowed", "token required"; end
	local header = cjson.decode(from_base64url(head) or "");
	local claims = cjson.decode(from_base64url(body) or "");
	if type(header) ~= "table" or type(claims) ~= "table" then return nil, "not-allowed", "Invalid json"; end
	if header.typ ~= "JWT" then return nil, "not-allowed", "Invalid typ"; end
	if header.alg ~= "HS256" then return nil, "not-allowed", "Invalid or incorrect alg"; end
	local right = hmac.new(app_secret, "sha256"):final(head .. "." .. body);
	if right ~= from_base64url(signature) then return nil, "not-allowed", "Invalid signature"; end
	local now = os.time();
	if claims.exp ~= nil then
		if type(claims.exp) ~= "number" then return nil, "not-allowed", "exp must be number"; end
		if claims.exp < now then
			return nil, "not-allowed", ("Not acceptable by exp (%s)"):format(tostring(now - claims.exp));
		end
	end
	if claims.nbf ~= nil then
		if type(claims.nbf) ~= "number" then return nil, "not-allowed", "nbf must be number"; end
		if claims.nbf > now then return nil, "not-allowed", "Not acceptable by nbf"; end
	end
	if claims.iss ~= app_id then return nil, "not-allowed", "invalid 'iss' claim"; end
	if claims.aud == nil then return nil, "not-allowed", "'aud' claim is missing"; end
	if type(claims.room) ~= "string" then return nil, "not-authorized", "room claim is missing"; end
	return claims;
end

if module:get_host_type() == "local" then
	local provider = {};
	function provider.get_sasl_handler(session)
		local handler = new_sasl(module.host, { anonymous = function () return true; end });
		local succeed = handler.process;
		function handler:process(trace)
			local claims, condition, reason = verify(trace);
			if not claims then return "failure", condition, reason; end
			session.stand_in_claims = claims;
			return succeed(self, trace);
		end
		function handler:clean_clone() return provider.get_sasl_handler(session); end
		return handler;
	end
	function provider.test_password() return nil, "Tokens only."; end
	function provider.get_password() return nil, "Tokens only."; end
	function provider.set_password() return nil, "Tokens only."; end
	function provider.user_exists() return nil, "Tokens only."; end
	function provider.create_user() return nil, "Tokens only."; end
	module:provides("auth", provider);
end

-- Asking our endpoint --------------------------------------------------------------------------------------------

local function request(method, path, kind, body, done)
	local left = retries;
	local function try()
		local finished, conn = false, nil;
		local function answered(content, code)
			if finished then return; end
			finished = true;
			-- A code that is no HTTP status is a connection that failed.
			local again = type(code) ~= "number" or code == 0 or code >= 500;
			if again and left > 0 then
				left = left - 1;
				module:add_timer(retry_delay, try);
				return;
			end
			done(content, code);
		end
		conn = http.request(api .. path, {
			method = method,
			body = body,
			headers = {
				["Content-Type"] = kind,
				["User-Agent"] = "Prosody (" .. prosody.version .. "; posix)",
				["Authorization"] = "Bearer " .. token,
			},
		}, answered);
		module:add_timer(timeout, function ()
			if finished then return; end
			finished = true;
			if conn then http.destroy_request(conn); end
			done(nil, "timeout");
		end);
	end
	try();
end

-- One a room name: {state = "pending" | "open" | "refused", code, message, at, id, ends, waiting = {…}}.
local reservations = module:shared("/" .. domain .. "/stand_in_for_jitsi/reservations");

local function reply_refusal(session, stanza, code, message)
	local reply = st.error_reply(stanza, "cancel", "service-unavailable", message);
	reply:tag("reservation-error", { xmlns = FOCUS, ["error-code"] = tostring(code) });
	session.send(reply);
end

local function muc() return prosody.hosts[rooms_domain].modules.muc; end

local function gone(name)
	local reservation = reservations[name];
	reservations[name] = nil;
	if reservation and reservation.id then
		request("DELETE", "/conference/" .. urlencode(tostring(reservation.id)), nil, nil, function () end);
	end
end

local function answer_waiting(name, reservation)
	local waiting = reservation.waiting;
	reservation.waiting = {};
	for _, one in ipairs(waiting) do
		if reservation.state == "open" then
			one.session.send(st.reply(one.stanza):tag("conference",
				{ xmlns = FOCUS, ready = "true", room = name .. "@" .. rooms_domain }));
		else
			reply_refusal(one.session, one.stanza, reservation.code, reservation.message);
		end
	end
end

local function refuse(name, reservation, code, message)
	reservation.state, reservation.code, reservation.message, reservation.at = "refused", code, message, os.time();
	answer_waiting(name, reservation);
end

local function read_time(text)
	if type(text) ~= "string" then error("start_time must be text"); end  -- the original hangs the room here
	return datetime.parse(text) or datetime.parse(text .. "Z");
end

local function allow(name, reservation, body)
	local told = cjson.decode(body or "");
	local duration = type(told) == "table" and tonumber(told.duration);
	if type(told) ~= "table" or told.id == nil or type(told.name) ~= "string" or told.name:lower() ~= name
		or told.mail_owner == nil or told.start_time == nil or not duration
		or told.password == cjson.null or told.max_occupants == cjson.null then
		return refuse(name, reservation, 500, "Invalid response from reservation server");
	end
	local starts = read_time(told.start_time);
	if not starts then return refuse(name, reservation, 500, "Invalid response from reservation server"); end
	reservation.id, reservation.ends = told.id, starts + duration;
	if reservation.ends <= os.time() then return refuse(name, reservation, 419, "Reservation expired"); end
	reservation.state = "open";
	muc().create_room(name .. "@" .. rooms_domain);
	answer_waiting(name, reservation);
	module:add_timer(patience, function ()
		local room = muc().get_room_from_jid(name .. "@" .. rooms_domain);
		if room and not room:has_occupant() then room:destroy(nil, "Nobody came."); end
	end);
end

local function message_of(body)
	local told = cjson.decode(body or "");
	return type(told) == "table" and type(told.message) == "string" and told.message or "Reservation refused";
end

local function ask(name, reservation)
	local owner = uuid() .. "@" .. domain;  -- with tokens the owner is nobody, in the original too
	local body = formencode({
		{ name = "mail_owner", value = owner }, { name = "name", value = name },
		{ name = "start_time", value = os.date("!%Y-%m-%dT%H:%M:%S") .. ".000Z" },
	});
	request("POST", "/conference", "application/x-www-form-urlencoded", body, function (content, code)
		if code == 200 or code == 201 then return allow(name, reservation, content); end
		if code == "timeout" then return refuse(name, reservation, 500, "Reservation lookup timed out"); end
		if code ~= 409 then return refuse(name, reservation, tonumber(code) or 500, message_of(content)); end
		local conflict = cjson.decode(content or "");
		conflict = type(conflict) == "table" and conflict.conflict_id;
		if not conflict then return refuse(name, reservation, 409, message_of(content)); end
		request("GET", "/conference/" .. urlencode(tostring(conflict)), nil, nil, function (found, status)
			if status == 200 then return allow(name, reservation, found); end
			refuse(name, reservation, tonumber(status) or 500, message_of(found));
		end);
	end);
end

local function conference(event)
	local session, stanza = event.origin, event.stanza;
	local asked = stanza.attr.type == "set" and stanza:get_child("conference", FOCUS);
	if not asked then return; end
	local name = jid.node(jid.prep(asked.attr.room) or "");
	if not name then
		session.send(st.error_reply(stanza, "modify", "bad-request"));
		return true;
	end
	local reservation = reservations[name];
	if reservation and reservation.state == "refused" then
		if os.time() - reservation.at >= remembered then
			reservation = nil;  -- forgotten: everybody may ask again
		else
			reply_refusal(session, stanza, reservation.code, reservation.message);
			return true;
		end
	end
	if reservation then
		reservation.waiting[#reservation.waiting + 1] = { session = session, stanza = stanza };
		if reservation.state == "open" then answer_waiting(name, reservation); end
		return true;
	end
	reservation = { state = "pending", waiting = { { session = session, stanza = stanza } } };
	reservations[name] = reservation;
	ask(name, reservation);
	return true;
end

if module:get_host_type() == "local" then
	module:hook("pre-iq/host", function (event)
		if event.stanza.attr.to == "focus." .. domain then return conference(event); end
	end);
	module:add_timer(sweep, function ()
		for name, reservation in pairs(reservations) do
			if reservation.state == "open" and reservation.ends <= os.time() then
				local room = muc().get_room_from_jid(name .. "@" .. rooms_domain);
				if room then room:destroy(nil, "Scheduled conference duration exceeded."); else gone(name); end
			end
		end
		return sweep;
	end);
	return;
end

-- Rooms: who gets in, events, what our client asks ----------------------------------------------------------------

module:hook("muc-room-pre-create", function (event)
	-- Jicofo is the only one who makes rooms.
	event.origin.send(st.error_reply(event.stanza, "cancel", "item-not-found", "room-does-not-exist"));
	return true;
end, 100);

local function user_of(session)
	local context = session and session.stand_in_claims and session.stand_in_claims.context;
	return type(context) == "table" and type(context.user) == "table" and context.user or {};
end

module:hook("muc-occupant-pre-join", function (event)
	local claims = event.origin.stand_in_claims;
	local name = jid.node(event.room.jid);
	if not claims or (claims.sub ~= domain and claims.sub ~= "*")
		or (claims.room:lower() ~= name and claims.room ~= "*") then
		event.origin.send(st.error_reply(event.stanza, "cancel", "not-allowed", "Room and token mismatched"));
		return true;
	end
	local moderator = user_of(event.origin).moderator;
	local affiliation = (moderator == true or moderator == "true") and "owner" or "member";
	event.room:set_affiliation(true, jid.bare(event.stanza.attr.from), affiliation);
	event.occupant.role = event.room:get_default_role(affiliation);
end, 99);

local function tell(path, event)
	local left = 3;
	local function try()
		http.request(api .. "/events/" .. path, {
			method = "POST",
			body = cjson.encode(event),
			headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. token },
		}, function (_, code)
			if (type(code) ~= "number" or code == 0 or code >= 500) and left > 0 then
				left = left - 1;
				module:add_timer(1, try);
			end
		end);
	end
	try();
end

local function about(room, name)
	return { event_name = name, room_name = jid.node(room.jid), room_jid = room.jid, is_breakout = false };
end

module:hook("muc-room-created", function (event)
	local room = event.room;
	room.stand_in = { created_at = os.time(), here = {}, all = array() };
	local told = about(room, "muc-room-created");
	told.created_at = room.stand_in.created_at;
	tell("room/created", told);
end);

module:hook("muc-occupant-joined", function (event)
	local room, occupant = event.room, event.occupant;
	local user = user_of(event.origin);
	local who = {
		occupant_jid = occupant.bare_jid, joined_at = os.time(), id = user.id, name = user.name, email = user.email,
		moderator = user.moderator == true,
	};
	room.stand_in.here[occupant.nick] = who;
	room.stand_in.all:push(who);
	local told = about(room, "muc-occupant-joined");
	told.active_occupants_count, told.occupant = #room.stand_in.all, who;
	tell("occupant/joined", told);
end);

module:hook("muc-occupant-left", function (event)
	local room = event.room;
	local who = room.stand_in.here[event.nick or event.occupant.nick];
	if not who then return; end
	room.stand_in.here[event.nick or event.occupant.nick] = nil;
	who.left_at = os.time();
	local told = about(room, "muc-occupant-left");
	told.active_occupants_count, told.occupant = 0, who;
	for _ in pairs(room.stand_in.here) do told.active_occupants_count = told.active_occupants_count + 1; end
	tell("occupant/left", told);
end, 10);

module:hook("muc-room-destroyed", function (event)
	local room = event.room;
	local told = about(room, "muc-room-destroyed");
	told.created_at, told.destroyed_at = room.stand_in.created_at, os.time();
	told.all_occupants = #room.stand_in.all > 0 and room.stand_in.all or cjson.empty_array;
	tell("room/destroyed", told);
	gone(jid.node(room.jid));
end);

local function participants(room)
	local count = 0;
	for _ in room:each_occupant() do count = count + 1; end
	return count;
end

local function query_of(event) return formdecode(event.request.url.query or "="); end

module:depends("http");
module:provides("http", {
	default_path = "/";
	name = "stand_in";
	route = {
		["GET /room-size"] = function (event)
			local query = query_of(event);
			if type(query) ~= "table" or not query.room then return { status_code = 400 }; end
			local room = muc().get_room_from_jid(query.room .. "@conference." .. (query.domain or ""));
			if not room then return { status_code = 404 }; end
			return { status_code = 200, body = cjson.encode({ participants = participants(room) }) };
		end;
		["GET /room-census"] = function ()
			local found = array();
			for room in muc().live_rooms() do
				found:push({ room_name = room.jid, participants = participants(room),
					created_time = ("%d000"):format(room.stand_in.created_at), leaked = false });
			end
			return { status_code = 200,
				body = #found > 0 and cjson.encode({ room_census = found }) or '{"room_census":[]}' };
		end;
		["POST /end-meeting"] = function (event)
			local sent = (event.request.headers.authorization or ""):match("^Bearer (.+)$");
			if not verify(sent) then return { status_code = 401 }; end
			local query = query_of(event);
			if type(query) ~= "table" or not query.conference then return { status_code = 400 }; end
			local room = muc().get_room_from_jid(query.conference);
			if not room then return { status_code = 404 }; end
			room:destroy(nil, "The meeting has been terminated");
			return { status_code = 200 };
		end;
	};
});
