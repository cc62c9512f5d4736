#!/bin/sh
exec python -m rp_handler.main "$@"
