curl -X GET "https://api.calldron.ru/v1/" -u gnLZYz0FexchC6RFPyP0PBb9n26cecQh:  -v
