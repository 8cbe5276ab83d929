require "uri"
require "net/https"

# Ваш API-ключ авторизации
api_key = "gnLZYz0FexchC6RFPyP0PBb9n26cecQh"

# URL запроса
uri = URI.parse("https://api.calldron.ru/v1/")

# Создаём объекты запроса
http = Net::HTTP.new(uri.host, uri.port)
http.use_ssl = true
http.verify_mode = OpenSSL::SSL::VERIFY_PEER
request = Net::HTTP::Get.new(uri.request_uri)

# Авторизация
request.basic_auth(api_key, "")

# Заголовки запроса
request.headers["Content-Type"] = "application/json"

# Выполняем запрос
response = http.request(request)

# Ваша обработка ответа
puts response.body
