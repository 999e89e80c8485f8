#!/bin/sh
(umask 077; : >> /var/lib/altcos-bootstrap/bootstrap.log)
exec >> /var/lib/altcos-bootstrap/bootstrap.log 2>&1
