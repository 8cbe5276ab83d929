<?php
// URL запроса
$ch = curl_init("https://api.сalldron.ru/v1/");

// Ваш API-ключ авторизации
$api_key = "gnLZYz0FexchC6RFPyP0PBb9n26cecQh";

// Авторизация
curl_setopt($ch, CURLOPT_USERPWD, $api_key . ":");

// Заголовки запроса
curl_setopt($ch, CURLOPT_HTTPHEADER, array(
	"Content-Type: application/json"
));

// Выполняем запрос
curl_setopt($ch, CURLOPT_RETURNTRANSFER, true);
$result = curl_exec($ch);

// Закрываем соедиениние
curl_close($ch);

/* Обработка ответа */
echo $result;
?>
