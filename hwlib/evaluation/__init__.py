"""What is measured on a trained model: accuracy, reconstruction, samples, embeddings, distances."""
