"""Programs we did not write, started and stopped for a test: Asterisk as carrier or dialler, SIPp, baresip."""
