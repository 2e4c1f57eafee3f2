-- What Jitsi's Prosody needs so that only booked meetings run, and only whom the platform sends gets in.
-- Put these lines into /etc/prosody/conf.avail/meet.example.vn.cfg.lua of the Jitsi server, in place of the same ones
-- there. The words on each are in README.md beside this file.

VirtualHost "meet.example.vn"
    -- Join tokens: VUNGCAO_JITSI_APP_ID and VUNGCAO_JITSI_APP_SECRET have the same two values.
    authentication = "token"
    app_id = "vungcao"
    app_secret = os.getenv("JITSI_APP_SECRET")  -- 32 random characters or more; never in this file
    allow_empty_token = false
    enable_domain_verification = true
    asap_accepted_issuers = { "vungcao" }
    asap_accepted_audiences = { "vungcao" }     -- the default takes every audience

    modules_enabled = {
        "bosh", "websocket", "smacks", "speakerstats", "conference_duration", "muc_breakout_rooms", "av_moderation",
        "presence_identity",
        "reservations",     -- asks the platform before a room is opened
        "muc_size",         -- room sizes, for the platform
    }

    reservations_api_prefix = "https://vungcao.example.vn/jitsi"
    reservations_api_headers = { Authorization = "Bearer " .. os.getenv("VUNGCAO_JITSI_RESERVATION_TOKEN") }
    reservations_api_timeout = 20
    reservations_api_retry_count = 3
    reservations_api_retry_delay = 3
    reservations_enable_max_occupants = false
    reservations_enable_lobby_support = false   -- the lobby locks out its own moderator: see README.md
    reservations_enable_password_support = false

Component "conference.meet.example.vn" "muc"
    restrict_room_creation = true
    modules_enabled = {
        "muc_hide_all", "muc_meeting_id", "muc_domain_mapper",
        "token_verification",   -- the token's room must be this one
        "token_affiliation",    -- the organiser, and nobody else, is moderator
    }

-- jitsi-contrib/prosody-plugins, event_sync: who comes and goes.
Component "esync.meet.example.vn" "event_sync_component"
    muc_component = "conference.meet.example.vn"
    breakout_component = "breakout.meet.example.vn"
    api_prefix = "https://vungcao.example.vn/jitsi"
    api_headers = { Authorization = "Bearer " .. os.getenv("VUNGCAO_JITSI_RESERVATION_TOKEN") }
    include_user_info = true
    include_speaker_stats = false

-- In the global part of /etc/prosody/prosody.cfg.lua, so that the platform can end a cancelled meeting:
--   modules_enabled = { …, "muc_end_meeting", "muc_census" }
--   muc_mapper_domain_base = "meet.example.vn"
-- These answer without asking who calls. Let nobody but the platform reach Prosody's HTTP port (5280).
