curl -s -X POST https://api.parallel.ai/v1/tasks/runs \
  -H "x-api-key: ${PARALLEL_API_KEY}" \
  -H "Content-Type: application/json" \
  -H "parallel-beta: webhook-2025-08-12" \
  -d '{
    "processor": "pro",
    "input": "What were the key macroeconomic events of Q1 2025?",
    "webhook_url": "https://your-server.example.com/hooks/parallel"
  }'
