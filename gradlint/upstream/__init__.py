"""The one room of rented names: whatever TensorFlow and Keras keep private and gradlint relies on."""
