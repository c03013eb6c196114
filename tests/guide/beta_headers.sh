curl -s -X POST https://api.parallel.ai/v1/tasks/runs \
  -H "x-api-key: ${PARALLEL_API_KEY}" \
  -H "Content-Type: application/json" \
  -H "parallel-beta: events-sse-2025-07-24" \
  -d '{"processor":"ultra","input":"Conduct a deep competitive analysis of the EV battery market.","enable_events":true}' \
  | jq -r '.status'

curl -s -X POST https://api.parallel.ai/v1/tasks/runs \
  -H "x-api-key: ${PARALLEL_API_KEY}" \
  -H "Content-Type: application/json" \
  -H "parallel-beta: webhook-2025-08-12" \
  -d '{
    "processor": "pro",
    "input": "What were the key macroeconomic events of Q1 2025?",
    "webhook_url": "https://your-server.example.com/hooks/parallel"
  }' \
  | jq -r '.status'
