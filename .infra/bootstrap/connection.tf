# The pipeline reads the repository through this connection, so that no key has to be kept. AWS leaves it PENDING until a
# person opens connection_console_url and confirms it at the Git host.

resource "aws_codeconnections_connection" "git" {
  name          = "clockmirror"
  provider_type = var.git_host
}
