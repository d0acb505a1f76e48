-- What an administrator adds in a file of its own.
admins = { "admin@localhost" }
VirtualHost "Second.Example"
	ssl = {
		key = "/etc/prosody/certs/second.example.key";
		certificate = "/etc/prosody/certs/second.example.crt";
	}
Component "rooms.localhost" "muc"
	name = "Rooms"
	restrict_room_creation = "local"
