"""The technologies behind the ports: files, GPIO and MQTT."""
